import { describe, expect, it } from "vitest";
import { type Refusal, Refusals } from "../../src/connection/refusals.js";
import { createCountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

const clock = new VirtualRuntime();
const { runtime } = createCountingRuntime(clock);

function refuse(refusals: Refusals, kind: unknown, text = String(kind)): Refusal {
  return refusals.refuse(kind, () => new Error(text));
}

async function errorOf({ promise }: Refusal): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

describe("Refusals", () => {
  it("returns an error of its own and a rejected promise for each of the first 63 refusals of a turn", async () => {
    const refusals = new Refusals(runtime);
    const given = Array.from({ length: 63 }, (_, index) => refuse(refusals, "kind", `${index}`));
    expect(new Set(given.map(({ promise }) => promise)).size).toBe(63);
    for (const [index, refusal] of given.entries()) {
      expect(refusal.error).toEqual(new Error(`${index}`));
      expect(await errorOf(refusal)).toBe(refusal.error);
    }
  });

  it("returns the same error and promise for all further refusals of one kind", async () => {
    const refusals = new Refusals(runtime);
    for (let count = 0; count < 63; count++) refuse(refusals, "kind");
    const first = refuse(refusals, "kind");
    const promises = new Set<unknown>();
    for (let count = 0; count < 100_000; count++) promises.add(refuse(refusals, "kind").promise);
    expect([...promises]).toEqual([first.promise]);
    expect(first.error).toEqual(new Error("kind"));
    const other = refuse(refusals, "another kind");
    expect(other.error).toEqual(new Error("another kind"));
    clock.advance(0);
    expect(await errorOf(first)).toBe(first.error);
    expect(await errorOf(other)).toBe(other.error);
    expect(refuse(refusals, "kind").error).toEqual(new Error("kind"));
  });

  it("lets the event loop run during a loop that awaits only refusals", async () => {
    const refusals = new Refusals(runtime);
    let refused = 0;
    const loop = async (): Promise<void> => {
      for (; refused < 640; refused++) await errorOf(refuse(refusals, "kind"));
    };
    const looping = loop();
    for (let turn = 1; turn <= 10; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(refused).toBe(64 * turn - 1);
      clock.advance(0);
    }
    await looping;
  });
});
