import { beforeEach, describe, expect, it } from "vitest";
import { ClientHandshake, parseUri, type ProtocolConnection } from "../../protocol/index.js";
import type { OpenInput } from "../../src/connection/connection-input.js";
import { Opening } from "../../src/connection/opening.js";
import { HandshakeError, TimeoutError } from "../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { steadyRandom } from "../support/protocol-end.js";
import { VirtualLink } from "../support/virtual-link.js";
import type { VirtualPeer } from "../support/virtual-peer.js";
import { systemError } from "../support/virtual-peer.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

const timeout = 10_000;

let clock: VirtualRuntime;
let counting: CountingRuntime;
let opening: Opening;
let peer: VirtualPeer;
let link: VirtualLink;
let events: unknown[];

/** Records the calls to the open connection. */
function recordingInput(): OpenInput {
  const receive = (bytes: Buffer, start: number, end: number): void => {
    events.push(["bytes", bytes.toString("latin1", start, end)]);
  };
  return {
    ...{ runtime: clock, messageTimeout: 1_000, handler: { isLending: false } },
    protocol: { input: { receive }, isInsideMessage: false } as unknown as ProtocolConnection,
    writer: { wake: () => undefined },
    connection: {
      isPaused: false,
      fail: (error) => events.push(["failure", error]),
      streamEnded: () => events.push("ended"),
      streamClosed: (error) => events.push(["closed", error]),
    },
  };
}

beforeEach(() => begin());

function begin(url = "wss://feed.test/trades"): void {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  events = [];
  const uri = parseUri(url);
  const handshake = new ClientHandshake({ uri, fillRandom: steadyRandom() });
  const target = {
    ...{ url: uri.href, host: uri.host, port: uri.port, isSecure: uri.isSecure, noDelay: true },
    ...({
      keepAlive: false,
      signal: new AbortController().signal,
      readBuffer: Buffer.alloc(65_536),
    } as const),
  };
  const context = { runtime: counting.runtime, target, handshake, timeout };
  opening = new Opening(context, {
    onAccepted: ({ headers, subprotocol }, { input }) => {
      events.push(["accepted", headers.length, subprotocol, counting.openTimers]);
      input.open(recordingInput());
    },
    onFailed: ({ phase, error }) => events.push(["failed", phase, error]),
  });
  peer = clock.peers[0]!;
  link = new VirtualLink(peer);
}

/** Opens the stream, so that the request is written. */
function dial(): void {
  peer.accept();
  clock.advance(0);
}

function failure(): { phase: unknown; error: unknown } {
  expect(events.length).toBe(1);
  counting.assertIdle();
  const [event, phase, error] = events[0] as unknown[];
  expect(event).toBe("failed");
  return { phase, error };
}

describe("Opening", () => {
  describe("a valid 101 response", () => {
    it("opens the connection and leaves no timer", () => {
      dial();
      expect(link.head).toMatch(/^GET \/trades HTTP\/1.1\r\nHost: feed.test\r\n/);
      link.answer();
      clock.advance(0);
      expect(events).toEqual([["accepted", 3, "", 0]]);
      clock.advance(60_000);
      expect(events.length).toBe(1);
    });

    it("passes on the bytes that follow it in the same read", () => {
      dial();
      link.answer({ followedBy: [Buffer.from("more")] });
      clock.advance(0);
      expect(events.slice(1)).toEqual([["bytes", "more"]]);
    });

    it("passes on all later events", () => {
      dial();
      link.answer();
      clock.advance(0);
      peer.send("later");
      peer.end();
      clock.advance(0);
      const error = systemError("read", "ECONNRESET");
      peer.reset(error);
      clock.advance(0);
      expect(events.slice(1)).toEqual([["bytes", "later"], "ended", ["closed", error]]);
    });
  });

  describe("a failure", () => {
    it.each([
      ["dns", "dns"],
      ["tcp", "tcp"],
      ["tls", "tls"],
    ] as const)("before the request has the phase that was reached: %s", (reached, phase) => {
      peer.reach(reached);
      const error = systemError("connect", "E");
      peer.refuse(error);
      clock.advance(0);
      expect(failure()).toEqual({ phase, error });
    });

    it("after the request has the phase http", () => {
      dial();
      const error = systemError("read", "ECONNRESET");
      peer.reset(error);
      clock.advance(0);
      expect(failure()).toEqual({ phase: "http", error });
    });

    it("is reported for a rejection when its body is complete", () => {
      dial();
      peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nno");
      clock.advance(0);
      expect(events).toEqual([]);
      peer.send("pe");
      clock.advance(0);
      const { phase, error } = failure();
      expect(phase).toBe("http");
      expect(error).toBeInstanceOf(HandshakeError);
      expect(error).toMatchObject({ statusCode: 401, body: Buffer.from("nope") });
    });

    it("is reported for a response that is not HTTP", () => {
      dial();
      peer.send("SSH-2.0-OpenSSH_9.2\r\n");
      clock.advance(0);
      expect(failure().error).toMatchObject({ code: "MALFORMED_RESPONSE" });
    });

    it("is reported for an end before the response", () => {
      dial();
      peer.end();
      clock.advance(0);
      expect(failure().error).toMatchObject({ code: "CONNECTION_ENDED" });
    });
  });

  describe("the timeout", () => {
    it.each(["dns", "tcp", "tls", "http"] as const)("covers all phases: %s", (phase) => {
      if (phase === "http") peer.accept();
      else peer.reach(phase);
      clock.advance(timeout - 1);
      expect(events).toEqual([]);
      clock.advance(1);
      const { error, ...rest } = failure();
      expect(rest).toEqual({ phase });
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ operation: "connect", timeoutMs: timeout });
      expect((error as Error).message).toBe(
        `The connection was not open after the ${timeout} ms of connectTimeout (phase: ${phase}).`,
      );
    });

    it("is not restarted by received bytes", () => {
      dial();
      for (let elapsed = 0; elapsed < timeout; elapsed += 1_000) {
        clock.advance(1_000);
        peer.send("HTTP/1.1 102 Processing\r\n"[elapsed / 1_000] ?? "");
      }
      expect(failure().error).toBeInstanceOf(TimeoutError);
    });

    it("reports the status if only the body of a rejection is missing", () => {
      dial();
      peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nwait");
      clock.advance(timeout);
      expect(failure().error).toMatchObject({ statusCode: 503, body: Buffer.from("wait") });
    });
  });

  /** Incomplete rejections, and the part of the body that they contain. */
  const stalling: [how: string, wire: string, body: string][] = [
    ["without a length", "HTTP/1.1 503 Busy\r\n\r\nwait", "wait"],
    ["without a length or a byte", "HTTP/1.1 403 Forbidden\r\n\r\n", ""],
    ["with a length", "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nwait", "wait"],
    ["in chunks", "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n9\r\nmo", "waitmo"],
  ];

  describe("a rejection whose body does not end", () => {
    it.each(stalling)(
      "fails 1 s after its status, with the received part of the body: %s",
      (_how, wire, body) => {
        dial();
        clock.advance(3_000);
        peer.send(wire);
        clock.advance(999);
        expect(events).toEqual([]);
        clock.advance(1);
        const { phase, error } = failure();
        expect(phase).toBe("http");
        expect(error).toBeInstanceOf(HandshakeError);
        expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", body: Buffer.from(body) });
        expect(peer.isDestroyed).toBe(true);
      },
    );

    it("is not extended by further bytes", () => {
      dial();
      peer.send("HTTP/1.1 503 Busy\r\n\r\n");
      for (let count = 0; count < 10; count++) {
        clock.advance(100);
        peer.send("x");
      }
      expect(failure().error).toMatchObject({ statusCode: 503, body: Buffer.from("xxxxxxxxx") });
    });

    it("does not outlast connectTimeout", () => {
      clock.advance(timeout - 300);
      dial();
      peer.send("HTTP/1.1 503 Busy\r\n\r\nwait");
      clock.advance(300);
      expect(failure().error).toMatchObject({ statusCode: 503, body: Buffer.from("wait") });
    });

    it("waits 1 s from the end of its head, not from the start", () => {
      dial();
      peer.send("HTTP/1.1 503 Busy\r\nRetry-After: ");
      clock.advance(2_000);
      expect(events).toEqual([]);
      peer.send("1\r\n\r\n");
      clock.advance(999);
      expect(events).toEqual([]);
      clock.advance(1);
      expect(failure().error).toMatchObject({ statusCode: 503 });
    });

    it("is reported with its status if the stream breaks", () => {
      dial();
      peer.send("HTTP/1.1 503 Busy\r\n\r\nwait");
      clock.advance(0);
      peer.reset(systemError("read", "ECONNRESET"));
      clock.advance(0);
      expect(failure().error).toMatchObject({ statusCode: 503, body: Buffer.from("wait") });
    });

    it("is not reported if the attempt is abandoned", () => {
      dial();
      peer.send("HTTP/1.1 503 Busy\r\n\r\nwait");
      clock.advance(0);
      opening.abandon(new Error("stop"));
      clock.advance(timeout);
      expect(failure().error).toEqual(new Error("stop"));
    });

    it.each([
      ["before", true],
      ["after", false],
    ])("does not keep the process alive if unref() is called %s its status", (_when, isBefore) => {
      dial();
      if (isBefore) opening.unref();
      peer.send("HTTP/1.1 503 Busy\r\n\r\nwait");
      clock.advance(0);
      opening.unref();
      expect(clock.isHeld).toBe(false);
      opening.ref();
      expect(clock.isHeld).toBe(true);
    });
  });

  describe("abandon()", () => {
    it.each([
      ["before the stream is open", () => undefined],
      ["after the request", dial],
    ])("%s fails with the reason when the stream is closed", (_when, act) => {
      act();
      const reason = new Error("stop");
      opening.abandon(reason);
      expect(events).toEqual([]);
      clock.advance(0);
      expect([failure().error, peer.isDestroyed]).toEqual([reason, true]);
    });

    it("works without a reason", () => {
      clock.advance(0);
      opening.abandon(undefined);
      clock.advance(0);
      expect(failure()).toEqual({ phase: "dns", error: undefined });
    });

    it("takes precedence over the timeout and a response in transit", () => {
      dial();
      link.answer();
      opening.abandon(new Error("stop"));
      clock.advance(timeout);
      expect(failure().error).toEqual(new Error("stop"));
    });
  });

  it("keeps the process alive unless unref() is called", () => {
    expect(clock.isHeld).toBe(true);
    opening.unref();
    expect(clock.isHeld).toBe(false);
    opening.ref();
    expect(clock.isHeld).toBe(true);
  });
});
