import { beforeEach, expect, it } from "vitest";
import { RestartableTimer } from "../../src/runtime/restartable-timer.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let timer: RestartableTimer;
let fired: string[];

const tell = (word: string) => (): void => void fired.push(word);

beforeEach(() => {
  clock = new VirtualRuntime();
  timer = new RestartableTimer(clock);
  fired = [];
});

it("fires once, and counts as set until it is cleared", () => {
  expect(timer.isSet).toBe(false);
  timer.set(10, tell("a"));
  clock.advance(9);
  expect([fired, timer.isSet]).toEqual([[], true]);
  clock.advance(50);
  expect([fired, timer.isSet]).toEqual([["a"], true]);
  timer.clear();
  expect(timer.isSet).toBe(false);
});

it("is one: another takes its place", () => {
  timer.set(10, tell("a"));
  timer.set(30, tell("b"));
  clock.advance(20);
  expect(fired).toEqual([]);
  clock.advance(10);
  expect(fired).toEqual(["b"]);
});

it("does not fire once it is cleared", () => {
  timer.set(10, tell("a"));
  timer.clear();
  clock.advance(50);
  expect(fired).toEqual([]);
});

it.each([true, false])("lets the process live as it is told, before and behind set(): %s", (isReferenced) => {
  const told: string[] = [];
  const handle = { clear: () => undefined, ref: () => told.push("ref"), unref: () => told.push("unref") };
  const lone = new RestartableTimer({ setTimer: () => handle }, isReferenced);
  lone.set(1, tell("a"));
  expect(told).toEqual(isReferenced ? [] : ["unref"]);
  lone.unref();
  lone.ref();
  lone.set(1, tell("b"));
  lone.unref();
  lone.set(1, tell("c"));
  expect(told.slice(isReferenced ? 0 : 1)).toEqual(["unref", "ref", "unref", "unref"]);
});
