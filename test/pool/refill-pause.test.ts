import { expect, it } from "vitest";
import { RefillPause } from "../../src/pool/refill-pause.js";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";

function scene() {
  const runtime = new VirtualRuntime({ server: new ScriptedServer({ onConnection: () => undefined }) });
  const ends: number[] = [];
  return { runtime, ends, pause: new RefillPause(runtime, () => void ends.push(runtime.now())) };
}

it("grows with each failed attempt, and is short after two minutes without a failure", async () => {
  const { pause, runtime } = scene();
  expect([1, 2, 3, 4].map(() => pause.onFailed(false))).toEqual([1_000, 2_000, 4_000, 8_000]);
  await runtime.advanceAsync(121_000);
  expect(pause.onFailed(false)).toBe(1_000);
});

it("is not necessary after one loss, and begins short after the next one", () => {
  const { pause } = scene();
  expect([1, 2, 3, 4, 5, 6].map(() => pause.onFailed(true))).toEqual([0, 125, 250, 500, 1_000, 2_000]);
});

it("ends after half of its time or later, and at once by end()", async () => {
  const { pause, runtime, ends } = scene();
  const begun = runtime.now();
  pause.begin(1_000);
  expect(pause.isOn).toBe(true);
  await runtime.advanceAsync(1_000);
  expect([pause.isOn, ends.length]).toEqual([false, 1]);
  expect(ends[0]! - begun).toBeGreaterThanOrEqual(500);
  pause.begin(1_000);
  pause.end();
  await runtime.advanceAsync(1_000);
  expect([pause.isOn, ends.length, runtime.isHeld]).toEqual([false, 1, false]);
});
