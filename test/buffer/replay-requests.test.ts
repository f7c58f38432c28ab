import { describe, expect, it } from "vitest";
import { MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";
import { ReplayRequests } from "../../src/buffer/replay-requests.js";

function streamAt(name: string, sequence?: number): MessageStream<unknown> {
  const stream = new MessageStream(name, new NumberWindow({ size: 10, isFrozen: false }));
  if (sequence !== undefined) stream.resume({ sequence }, false);
  return stream;
}

describe("ReplayRequests", () => {
  it("creates a request with the existing cursors that covers all its streams", () => {
    const requests = new ReplayRequests(100);
    const [a, b] = [streamAt("a", 5), streamAt("b")];
    const request = requests.open([a, b], 7, 0, false)!;
    expect(request).toMatchObject({
      cursors: { a: { sequence: 5 } },
      connection: 7,
      number: 1,
      state: "running",
    });
    expect([a.replay, b.replay]).toEqual([request, request]);
    expect(requests.count).toBe(1);
  });

  it("creates no request without a cursor", () => {
    const requests = new ReplayRequests(100);
    const stream = streamAt("a");
    expect(requests.open([stream], 1, 0, false)).toBeUndefined();
    expect(requests.open([stream], 1, 0, true)).toBeUndefined();
    requests.cover(stream);
    expect(stream.replay).toBeUndefined();
    expect(requests.count).toBe(0);
  });

  it("expects messages of a request while it makes progress", () => {
    const requests = new ReplayRequests(100);
    const stream = streamAt("a", 5);
    expect(requests.covers(stream, 0)).toBe(false);
    const request = requests.open([stream], 1, 0, false)!;
    expect([0, 99, 100].map((now) => requests.covers(stream, now))).toEqual([true, true, false]);
    request.activeAt = 50;
    expect(requests.isReturningMessages(stream, 149)).toBe(true);
    expect(requests.setInBand(request, 200)).toEqual([stream]);
    expect(requests.covers(stream, 299)).toBe(true);
    expect(requests.isReturningMessages(stream, 299)).toBe(false);
  });

  it("covers streams that are created later until a request for all streams ends", () => {
    const requests = new ReplayRequests(100);
    const [old, young, late] = [streamAt("a", 5), streamAt("b"), streamAt("c")];
    const request = requests.open([old], 1, 0, true)!;
    requests.cover(young);
    expect(requests.end(request)).toEqual([old, young]);
    requests.cover(late);
    expect([old, young, late].map(({ replay }) => replay)).toEqual([undefined, undefined, undefined]);
  });

  it("covers a stream until a later request covers it", () => {
    const requests = new ReplayRequests(100);
    const stream = streamAt("a", 5);
    const first = requests.open([stream], 1, 0, false)!;
    const second = requests.open([stream], 1, 0, false)!;
    expect(requests.setInBand(first, 0)).toEqual([]);
    expect(requests.end(first)).toEqual([]);
    expect(stream.replay).toBe(second);
  });

  it("ends requests with their connection", () => {
    const requests = new ReplayRequests(100);
    const [a, b] = [streamAt("a", 5), streamAt("b", 5)];
    const [onFirst, onSecond] = [requests.open([a], 1, 0, false)!, requests.open([b], 2, 0, false)!];
    requests.endOn((connection) => connection === 1);
    expect([onFirst.state, onSecond.state]).toEqual(["over", "running"]);
    expect([a.replay, b.replay]).toEqual([undefined, onSecond]);
  });

  it("forgets a request in band after it has made no progress for the time limit", () => {
    const requests = new ReplayRequests(100);
    const stream = streamAt("a", 5);
    const forgotten = requests.open([stream], 1, 0, false)!;
    requests.setInBand(forgotten, 0);
    const running = requests.open([stream], 1, 0, false)!;
    requests.open([stream], 1, 100, false);
    requests.endOn(() => true);
    expect([forgotten.state, running.state]).toEqual(["inBand", "over"]);
  });
});
