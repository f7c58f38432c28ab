import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PingExchange } from "../../src/connection/ping-exchange.js";
import { BufferOverflowError, TimeoutError } from "../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { opcodes, readFrames } from "../support/wire.js";

let clock: VirtualRuntime;
const maxBufferedAmount = 1_000;
let counting: CountingRuntime;
let end: ProtocolEnd;
let pings: PingExchange;
let reported: unknown[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  end = new ProtocolEnd();
  reported = [];
  pings = new PingExchange(end.connection, counting.runtime, maxBufferedAmount, {
    onQueued: () => reported.push("queued"),
    onRefused: (error) => reported.push(error),
  });
});

afterEach(() => {
  pings.end(new Error("over"));
  counting.assertIdle();
});

const call = (payload: string, options?: Parameters<PingExchange["call"]>[1]): Promise<number> =>
  pings.call(Buffer.from(payload), options);
const answer = (payload: string): number | undefined => pings.answer(Buffer.from(payload), clock.now());

/** The payloads of the pings in the output. */
function written(): string[] {
  const frames = readFrames(end.drain());
  return frames.filter(({ opcode }) => opcode === opcodes.ping).map(({ payload }) => payload.toString());
}

async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value),
    (error: unknown) => error,
  );
}

describe("PingExchange", () => {
  describe("ping()", () => {
    it("resolves with the round-trip time of its own pong", async () => {
      const ping = call("a");
      expect([written(), reported, pings.unanswered]).toEqual([["a"], ["queued"], 1]);
      clock.advance(25);
      expect(answer("b")).toBeUndefined();
      expect(await stateOf(ping)).toBe("waits");
      expect(answer("a")).toBe(25);
      expect([await ping, pings.unanswered, pings.answeredCount]).toEqual([25, 0, 1]);
      expect(answer("a")).toBeUndefined();
      expect(pings.answeredCount).toBe(1);
    });

    it("can be cancelled by timeout or signal; its pong is still recognized", async () => {
      const controller = new AbortController();
      const calls = [call("a", { timeout: 50 }), call("b", { signal: controller.signal })];
      clock.advance(50);
      controller.abort("stop");
      const [late, stopped] = await Promise.all(calls.map(stateOf));
      expect(late).toBeInstanceOf(TimeoutError);
      expect(late).toMatchObject({ operation: "ping", timeoutMs: 50 });
      expect([stopped, reported]).toEqual(["stop", ["queued", "queued", late, "stop"]]);
      expect([answer("a"), answer("b"), pings.answeredCount]).toEqual([50, 50, 2]);
    });

    it("is refused and sends nothing if its signal is aborted already", async () => {
      expect(await stateOf(call("a", { signal: AbortSignal.abort("stop") }))).toBe("stop");
      expect([written(), reported, pings.unanswered]).toEqual([[], ["stop"], 0]);
    });

    it("rejects when 64 newer pings are unanswered", async () => {
      const first = call("first", { timeout: 50 });
      for (let count = 0; count < 64; count++) pings.sendHeartbeatPing(Buffer.from(`beat ${count}`));
      expect(await stateOf(first)).toBeInstanceOf(BufferOverflowError);
      expect([pings.unanswered, counting.openTimers]).toEqual([64, 0]);
    });

    it("is rejected before its error is reported, so that a listener cannot cancel it", async () => {
      const controller = new AbortController();
      pings = new PingExchange(end.connection, counting.runtime, maxBufferedAmount, {
        onQueued: () => undefined,
        onRefused: () => controller.abort("stop"),
      });
      const first = call("first", { signal: controller.signal });
      for (let count = 0; count < 64; count++) pings.sendHeartbeatPing(Buffer.from(`beat ${count}`));
      expect(await stateOf(first)).toBeInstanceOf(BufferOverflowError);
    });

    it("shares its error with many others that are dropped or refused in one turn of the event loop", async () => {
      const calls = Array.from({ length: 10_000 }, (_, index) => {
        const promise = call(`${index}`);
        end.drain();
        return promise;
      });
      const promises = [...new Set(calls)];
      // 64 pings that are kept, 64 that newer ones displace, and one promise for all refused ones.
      expect([promises.length, pings.unanswered, reported.length]).toEqual([129, 64, 10_000 - 64 + 128]);
      clock.advance(0);
      const states = await Promise.all(promises.map(stateOf));
      const rejections = [...states.slice(0, 64), ...states.slice(128)];
      expect(rejections.every((error) => error instanceof BufferOverflowError)).toBe(true);
      expect([new Set(rejections).size, states[128] === states[63]]).toEqual([64, true]);
      expect(states.slice(64, 128).every((state) => state === "waits")).toBe(true);
      expect(answer("127")).toBe(0);
      expect(await calls[64]).toBe(0);
      const next = call("next");
      expect([answer("next"), await next]).toEqual([0, 0]);
    });

    it("shares the error of many refused calls in one turn of the event loop", async () => {
      const payload = "x".repeat(120);
      while (end.connection.bufferedSize <= maxBufferedAmount) void call(payload);
      const calls = new Set(Array.from({ length: 10_000 }, () => call(payload)));
      expect(calls.size).toBe(64);
      clock.advance(0);
      const errors = await Promise.all([...calls].map(stateOf));
      expect(errors.at(-1)).toBeInstanceOf(BufferOverflowError);
      expect(String(errors.at(-1))).toContain("A ping was refused");
    });

    it("rejects once when the connection ends", async () => {
      const calls = [call("a", { timeout: 50 }), call("b")];
      pings.end("gone");
      expect(await Promise.all(calls.map(stateOf))).toEqual(["gone", "gone"]);
      expect([counting.openTimers, reported]).toEqual([0, ["queued", "queued"]]);
      pings.end("again");
      expect(await stateOf(calls[0]!)).toBe("gone");
    });
  });

  describe("a ping of the heartbeat", () => {
    it("is sent and answered without a promise", () => {
      pings.sendHeartbeatPing(Buffer.from("beat"));
      expect([written(), reported]).toEqual([["beat"], []]);
      clock.advance(7);
      expect([answer("beat"), pings.answeredCount]).toEqual([7, 1]);
    });

    it("settles earlier pings with its pong", async () => {
      const earlier = call("a");
      clock.advance(5);
      pings.sendHeartbeatPing(Buffer.from("beat"));
      clock.advance(5);
      expect([answer("beat"), await earlier]).toEqual([5, 10]);
    });
  });

  describe("confirmedCount", () => {
    it("is the number of messages before the last answered ping", () => {
      end.connection.text("1");
      end.connection.text("2");
      end.drain();
      pings.sendHeartbeatPing(Buffer.from("beat"));
      end.connection.text("3");
      end.drain();
      expect(pings.confirmedCount).toBe(0);
      answer("beat");
      expect(pings.confirmedCount).toBe(2);
    });

    it("does not include messages that were taken back", () => {
      end.connection.text("1");
      end.connection.text("2");
      pings.sendHeartbeatPing(Buffer.from("beat"));
      pings.limit(1);
      answer("beat");
      expect(pings.confirmedCount).toBe(1);
    });
  });

  it("refuses and reports a call while more bytes than maxBufferedAmount wait to be sent", async () => {
    const payload = "x".repeat(120);
    for (let count = 0; count < 8; count++) void call(payload);
    expect(end.connection.bufferedSize).toBeGreaterThan(maxBufferedAmount);
    const size = end.connection.bufferedSize;
    await expect(call(payload)).rejects.toMatchObject({ code: "BUFFER_OVERFLOW" });
    expect(end.connection.bufferedSize).toBe(size);
    expect(reported.at(-1)).toMatchObject({ code: "BUFFER_OVERFLOW" });
  });
});
