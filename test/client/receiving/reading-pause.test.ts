import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReadingPause } from "../../../src/client/receiving/reading-pause.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { turns } from "../../support/dialling.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let pause: ReadingPause;
let calls: string[];
/** The answer of the next `wasRead()`, which resets it. */
let wasRead: boolean;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  calls = [];
  wasRead = false;
  pause = new ReadingPause(counting.runtime, {
    wasRead: () => {
      const answer = wasRead;
      wasRead = false;
      calls.push(`wasRead ${answer}`);
      return answer;
    },
    onIdle: () => calls.push("idle"),
  });
});

afterEach(() => {
  pause.end();
  counting.assertIdle();
});

describe("begin() and end()", () => {
  it("switch the pause on and off", () => {
    expect(pause.isOn).toBe(false);
    pause.begin();
    expect(pause.isOn).toBe(true);
    pause.end();
    expect(pause.isOn).toBe(false);
  });

  it("do nothing at end() if no pause began", () => {
    pause.end();
    expect([pause.isOn, calls]).toEqual([false, []]);
  });
});

describe("the idle timer", () => {
  it("reports after 30 s without a read, and not a millisecond earlier", () => {
    pause.begin();
    calls = [];
    clock.advance(29_999);
    expect(calls).toEqual([]);
    clock.advance(1);
    expect(calls).toEqual(["wasRead false", "idle"]);
  });

  it("reports once, and leaves the end of the pause to its handler", () => {
    pause.begin();
    clock.advance(90_000);
    expect(calls.filter((call) => call === "idle")).toHaveLength(1);
    expect([pause.isOn, counting.openTimers]).toEqual([true, 0]);
  });

  it("ignores a read that happened before the pause", () => {
    wasRead = true;
    pause.begin();
    clock.advance(30_000);
    expect(calls).toEqual(["wasRead true", "wasRead false", "idle"]);
  });

  it("waits for another 30 s after each interval with a read", () => {
    pause.begin();
    for (const time of [30_000, 60_000]) {
      clock.advance(29_999);
      wasRead = true;
      clock.advance(1);
      expect([clock.now(), calls.at(-1)]).toEqual([time, "wasRead true"]);
    }
    clock.advance(29_999);
    expect(calls).not.toContain("idle");
    clock.advance(1);
    expect(calls.at(-1)).toBe("idle");
  });

  it("stops at the end of the pause, and starts again with the next one", () => {
    pause.begin();
    clock.advance(29_999);
    pause.end();
    expect(counting.openTimers).toBe(0);
    pause.begin();
    clock.advance(29_999);
    expect(calls).not.toContain("idle");
    clock.advance(1);
    expect(calls.at(-1)).toBe("idle");
  });

  it("starts again if begin() is called during the pause", () => {
    pause.begin();
    clock.advance(20_000);
    pause.begin();
    expect(counting.openTimers).toBe(1);
    clock.advance(29_999);
    expect(calls).not.toContain("idle");
    clock.advance(1);
    expect(calls.at(-1)).toBe("idle");
  });

  it("is stopped by stopTimer(), which does not end the pause", () => {
    pause.begin();
    pause.stopTimer();
    clock.advance(60_000);
    expect([pause.isOn, calls]).toEqual([true, ["wasRead false"]]);
  });
});

describe("the process", () => {
  it("is kept running by a pause", () => {
    expect(clock.isHeld).toBe(false);
    pause.begin();
    expect(clock.isHeld).toBe(true);
  });

  it("is not kept running by a pause that begins after unref(), until ref() is called", () => {
    pause.unref();
    pause.begin();
    expect(clock.isHeld).toBe(false);
    pause.ref();
    expect(clock.isHeld).toBe(true);
    pause.unref();
    expect(clock.isHeld).toBe(false);
  });

  it("is kept running if ref() followed unref() before the first pause", () => {
    pause.unref();
    pause.ref();
    pause.begin();
    expect(clock.isHeld).toBe(true);
  });
});

describe("untilOver()", () => {
  it("resolves immediately if reading is not paused", async () => {
    await pause.untilOver();
    expect(calls).toEqual([]);
  });

  it("resolves all pending calls when the pause ends, in the order of the calls", async () => {
    const order: number[] = [];
    pause.begin();
    for (const number of [1, 2]) void pause.untilOver().then(() => order.push(number));
    clock.advance(10_000);
    await turns(1);
    expect(order).toEqual([]);
    pause.end();
    await turns(1);
    expect(order).toEqual([1, 2]);
  });

  it("waits for the end of the current pause, not of an earlier one", async () => {
    let isOver = false;
    pause.begin();
    pause.end();
    pause.begin();
    void pause.untilOver().then(() => (isOver = true));
    await turns(1);
    expect(isOver).toBe(false);
    pause.end();
    await turns(1);
    expect(isOver).toBe(true);
  });
});
