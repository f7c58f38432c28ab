import { describe, expect, it } from "vitest";
import { nodeRuntime } from "../../src/index.js";
import { enterQueue } from "../../src/whatwg/handshake-queue.js";
import { createCountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

function enter(log: string[], name: string, url: string, signal?: AbortSignal): () => void {
  return enterQueue(nodeRuntime, new URL(url), signal, () => void log.push(name));
}

describe("handshakes to one host and port", () => {
  it("run one by one, in the order of the calls", () => {
    const log: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) => enter(log, name, "ws://one.test/")) as [
      ...[() => void, () => void, () => void],
    ];
    expect(log).toEqual(["a"]);
    a();
    expect(log).toEqual(["a", "b"]);
    a();
    expect(log).toEqual(["a", "b"]);
    b();
    c();
    expect(log).toEqual(["a", "b", "c"]);
    enter(log, "d", "ws://one.test/")();
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("may leave the queue while they wait", () => {
    const log: string[] = [];
    const leave = ["a", "b", "c"].map((name) => enter(log, name, "ws://two.test/"));
    leave[1]!();
    leave[0]!();
    expect(log).toEqual(["a", "c"]);
    leave[2]!();
  });

  it("start at once if their signal is aborted while they wait, and only once", () => {
    const log: string[] = [];
    const abort = new AbortController();
    const leaveFirst = enter(log, "a", "ws://three.test/");
    const leave = enter(log, "b", "ws://three.test/", abort.signal);
    abort.abort();
    expect(log).toEqual(["a", "b"]);
    leaveFirst();
    leave();
    expect(log).toEqual(["a", "b"]);
  });

  it("do not listen to the signal after their start or their end", () => {
    const log: string[] = [];
    const abort = new AbortController();
    const [first, second, third] = ["a", "b", "c"].map((name) =>
      enter(log, name, "ws://four.test/", abort.signal),
    ) as [...[() => void, () => void, () => void]];
    third();
    first();
    abort.abort();
    expect(log).toEqual(["a", "b"]);
    second();
  });
});

it("a handshake waits at most 1.5 s for the previous one, and leaves no timer", () => {
  const virtual = new VirtualRuntime();
  const counting = createCountingRuntime(virtual);
  const { runtime } = counting;
  const log: string[] = [];
  const leave = ["a", "b", "c", "d"].map((name) =>
    enterQueue(runtime, new URL("ws://seven.test/"), undefined, () => void log.push(name)),
  );
  virtual.advance(1_499);
  expect(log).toEqual(["a"]);
  virtual.advance(1);
  expect(log).toEqual(["a", "b"]);
  // Two handshakes are running. The next one starts after the end of both, or after the time.
  leave[0]!();
  expect(log).toEqual(["a", "b"]);
  virtual.advance(1_500);
  expect(log).toEqual(["a", "b", "c"]);
  leave[1]!();
  leave[2]!();
  expect(log).toEqual(["a", "b", "c", "d"]);
  expect(counting.openTimers).toBe(0);
  leave[3]!();
  const [, last] = ["e", "f"].map((name) =>
    enterQueue(runtime, new URL("ws://seven.test/"), undefined, () => void log.push(name)),
  );
  expect(counting.openTimers).toBe(1);
  last!();
  expect(counting.openTimers).toBe(0);
});

it("handshakes to another host, to another port, or in another runtime do not wait", () => {
  const log: string[] = [];
  const leave = ["ws://five.test/", "ws://six.test/", "ws://five.test:81/", "wss://five.test/"].map((url) =>
    enter(log, url, url),
  );
  expect(log).toHaveLength(4);
  leave.push(
    enterQueue(new VirtualRuntime(), new URL("ws://five.test/"), undefined, () => void log.push("virtual")),
  );
  expect(log).toHaveLength(5);
  for (const one of leave) one();
});
