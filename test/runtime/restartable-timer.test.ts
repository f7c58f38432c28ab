import { beforeEach, describe, expect, it } from "vitest";
import { RestartableTimer } from "../../src/runtime/restartable-timer.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let timer: RestartableTimer;
let fired: string[];

const record = (name: string) => (): void => void fired.push(name);

beforeEach(() => {
  clock = new VirtualRuntime();
  timer = new RestartableTimer(clock);
  fired = [];
});

describe("RestartableTimer", () => {
  it("fires once, and counts as set until it is cleared", () => {
    expect(timer.isSet).toBe(false);
    timer.set(10, record("a"));
    clock.advance(9);
    expect([fired, timer.isSet]).toEqual([[], true]);
    clock.advance(50);
    expect([fired, timer.isSet]).toEqual([["a"], true]);
    timer.clear();
    expect(timer.isSet).toBe(false);
  });

  it("is replaced by another set()", () => {
    timer.set(10, record("a"));
    timer.set(30, record("b"));
    clock.advance(20);
    expect(fired).toEqual([]);
    clock.advance(10);
    expect(fired).toEqual(["b"]);
  });

  it("does not fire after clear()", () => {
    timer.set(10, record("a"));
    timer.clear();
    clock.advance(50);
    expect(fired).toEqual([]);
  });

  it.each([true, false])("applies ref() and unref() to the current and later timers: %s", (isReferenced) => {
    const calls: string[] = [];
    const handle = { clear: () => undefined, ref: () => calls.push("ref"), unref: () => calls.push("unref") };
    const timerUnderTest = new RestartableTimer({ setTimer: () => handle }, isReferenced);
    timerUnderTest.set(1, record("a"));
    expect(calls).toEqual(isReferenced ? [] : ["unref"]);
    timerUnderTest.unref();
    timerUnderTest.ref();
    timerUnderTest.set(1, record("b"));
    timerUnderTest.unref();
    timerUnderTest.set(1, record("c"));
    expect(calls.slice(isReferenced ? 0 : 1)).toEqual(["unref", "ref", "unref", "unref"]);
  });
});
