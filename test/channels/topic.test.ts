import { afterEach, expect, it } from "vitest";
import { ChannelState } from "../../src/channels/channel-state.js";
import { Topic } from "../../src/channels/topic.js";
import { cases } from "../support/cases.js";

const bounds = { capacity: 3, maxBytes: 4_194_304, overflow: "dropOldest", keyOf: undefined } as const;
const link = { add: () => undefined, remove: () => undefined, update: () => undefined };
const created: ChannelState[] = [];

function handle(): ChannelState {
  const host = { onClosed: () => undefined, reportFunctionError: () => undefined };
  const state = new ChannelState("a", bounds, host);
  created.push(state);
  return state;
}

afterEach(() => {
  for (const state of created.splice(0)) state.end(undefined);
});

it("a handle that is added by a listener receives only newer messages, and knows whether the channel is accepted", () => {
  const topic = new Topic("a", link);
  const [first, second] = [handle(), handle()];
  topic.add(first);
  topic.onAccepted();
  first.listeners.add("message", () => topic.add(second), true);
  topic.deliver(1, 1);
  topic.deliver(2, 1);
  expect([second.isReady, first.bufferedCount, second.bufferedCount]).toEqual([true, 1, 1]);
});

it("the end ends all handles, and clears the wait for a retry", () => {
  const topic = new Topic("a", link);
  const handles = [handle(), handle()];
  let cleared = 0;
  for (const one of handles) topic.add(one);
  topic.retryTimer = { clear: () => (cleared += 1), ref: () => undefined, unref: () => undefined };
  expect(topic.isWanted).toBe(false);
  topic.end(new Error("the end"));
  expect([handles.map(({ isClosed }) => isClosed), topic.handles, cleared, topic.isWanted]).toEqual([
    ...[[true, true], [], 1, true],
  ]);
});

it("a loss makes all handles unready, and gaps are emitted to all handles", () => {
  const topic = new Topic("a", link);
  const one = handle();
  const seen: unknown[] = [];
  one.listeners.add("reset", (event) => seen.push(event), false);
  topic.add(one);
  topic.onAccepted();
  topic.onLost(undefined);
  topic.emit("reset", { stream: "a" });
  topic.remove(one);
  topic.emit("reset", { stream: "a" });
  expect([one.isReady, topic.isAccepted, seen]).toEqual([false, false, [{ stream: "a" }]]);
});

it("adds and removes many handles without a copy of all handles for each one", () => {
  const topic = new Topic("a", link);
  const handles = Array.from({ length: cases(50_000) }, handle);
  for (const one of handles) topic.add(one);
  topic.deliver(1, 1);
  expect(handles.every(({ bufferedCount }) => bufferedCount === 1)).toBe(true);
  expect(handles.every((one) => topic.remove(one))).toBe(true);
  expect([topic.isEmpty, topic.remove(handles[0]!)]).toEqual([true, false]);
});
