import { expect, it } from "vitest";
import { Unanswered } from "../../src/channels/unanswered.js";

it("counts the subscribe messages and the answers of each channel", () => {
  const unanswered = new Unanswered();
  for (const name of ["a", "a", "b"]) unanswered.add(name);
  expect(["a", "a", "a", "b", "c"].map((name) => unanswered.take(name))).toEqual([
    ...[true, true, false, true, false],
  ]);
  expect([unanswered.has("a"), unanswered.has("b")]).toEqual([false, false]);
});

it("remembers at most 10,000 channels, and counts those that it remembers", () => {
  const unanswered = new Unanswered();
  for (let index = 0; index <= 10_000; index++) unanswered.add(`c${index}`);
  unanswered.add("c0");
  expect([unanswered.has("c9999"), unanswered.has("c10000")]).toEqual([true, false]);
  expect([1, 2, 3].map(() => unanswered.take("c0"))).toEqual([true, true, false]);
});

it("remembers the channels of at most 10,000 messages, and forgets the oldest message", () => {
  const unanswered = new Unanswered();
  unanswered.addLate(0, ["a"]);
  unanswered.addLate(0, ["b"]);
  expect([unanswered.lateNames(0), unanswered.lateNames(1)]).toEqual([["a", "b"], []]);
  for (let id = 1; id <= 10_000; id++) unanswered.addLate(id, ["c"]);
  expect([unanswered.lateNames(0), unanswered.lateNames(1)]).toEqual([[], ["c"]]);
});

it("counts one surplus acknowledgement per subscribe message, for at most 10,000 channels", () => {
  const unanswered = new Unanswered();
  for (const name of ["a", "b", "b"]) unanswered.add(name);
  expect(["b", "b", "b", "c"].map((name) => unanswered.takeSurplus(name))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  for (let index = 0; index < 10_000; index++) unanswered.add(`c${index}`);
  expect(["a", "c0"].map((name) => unanswered.takeSurplus(name))).toEqual([false, true]);
});
