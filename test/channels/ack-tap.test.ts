import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Ack, readAcknowledgement } from "../../src/channels/acknowledgement.js";
import { AckTap } from "../../src/channels/ack-tap.js";
import type { RecvOptions } from "../../src/index.js";

let calls: RecvOptions<unknown>[];
let rejects: ((reason: unknown) => void)[];
let tap: AckTap;
let seen: Ack[];

beforeEach(() => {
  calls = [];
  rejects = [];
  seen = [];
  const connection = {
    recv: (options: RecvOptions<unknown>) => {
      calls.push(options);
      return new Promise((_, reject) => rejects.push(reject));
    },
  };
  tap = new AckTap(connection as never, {
    readAck: (message) => {
      if (message === "bad") throw new Error("broken");
      return readAcknowledgement(
        typeof message === "object" ? (message as { ack: string }).ack : message,
        () => undefined,
      );
    },
    onAck: (ack) => {
      seen.push(ack);
      return ack.names?.[0] !== "z";
    },
  });
});

afterEach(() => {
  for (const reject of rejects) reject(new Error("the test is over"));
});

const arrive = (...messages: readonly unknown[]): (boolean | undefined)[] =>
  messages.map((message) => calls.at(-1)?.match?.(message));
const ack = (name: string): Ack => readAcknowledgement(name, () => undefined)!;

describe("the tap of a connection", () => {
  it("reads acknowledgements without consuming them, and recognizes each once when it is delivered", () => {
    tap.arm();
    tap.arm();
    expect([calls.length, arrive("a", false, "bad", "z", "a")]).toEqual([1, Array(5).fill(false)]);
    expect(seen.map(({ names }) => names)).toEqual([["a"], ["z"], ["a"]]);
    expect([tap.take(ack("a")), tap.take(ack("z")), tap.take(ack("a")), tap.take(ack("a"))]).toEqual([
      ...[true, false, true, false],
    ]);
  });

  it("does not read a buffered message twice when it is armed again", () => {
    const message = { ack: "a" };
    tap.arm();
    arrive(message);
    tap.disarm();
    expect(calls[0]?.signal?.aborted).toBe(true);
    tap.arm();
    arrive(message, { ack: "a" });
    expect([calls.length, seen.length]).toEqual([2, 2]);
  });

  it("can be armed again after the client has ended the call", async () => {
    tap.arm();
    rejects[0]!(new Error("full"));
    await Promise.resolve();
    await Promise.resolve();
    tap.arm();
    expect(calls.length).toBe(2);
  });

  it("ignores a call that was replaced", async () => {
    tap.arm();
    tap.disarm();
    tap.arm();
    rejects[0]!(new Error("aborted"));
    await Promise.resolve();
    calls[0]!.match?.("a");
    tap.arm();
    expect([calls.length, seen.length]).toEqual([2, 0]);
  });
});
