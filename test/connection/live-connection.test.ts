import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deflateOffer } from "../../protocol/index.js";
import { heartbeatTimedOut, messageStalled } from "../../src/connection/failures.js";
import type { UnsentMessage } from "../../src/connection/message-tokens.js";
import { PendingMessage, type Sendable } from "../../src/connection/pending-message.js";
import { BufferOverflowError, TimeoutError } from "../../src/errors.js";
import { LiveScene, type LiveSceneOptions } from "../support/live-scene.js";
import { StrictInflater } from "../support/strict-inflate.js";
import {
  boundaryLengths,
  closeFrame,
  deflated,
  fragments,
  frame,
  opcodes,
  pingFrame,
  pongFrame,
  textFrame,
} from "../support/wire.js";
import { never } from "../support/never.js";

let scene: LiveScene;

function begin(options: LiveSceneOptions = {}): LiveScene {
  scene = new LiveScene(options);
  return scene;
}

beforeEach(() => begin());

afterEach(() => scene.live.settle(new Error("over")));

async function promisesSettled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no error",
    (error: unknown) => error,
  );
}

/** Unsent messages without a token. */
function unsentOf(...messages: readonly Sendable[]): UnsentMessage[] {
  return messages.map((data) => ({ data, token: undefined }));
}

const send = (data: string | Uint8Array): void => void scene.live.queue.send(data, undefined);

/** Describes the sent frames: text as it is, control frames by name. */
function frameSummaries(): string[] {
  return scene.frames.map(({ opcode, payload }) => {
    if (opcode === opcodes.ping) return `ping ${payload.toString()}`;
    if (opcode === opcodes.pong) return `pong ${payload.toString()}`;
    if (opcode === opcodes.close)
      return `close ${payload.length === 0 ? "" : payload.readUInt16BE(0)}`.trim();
    return payload.length > 100 ? `${payload.length} bytes` : payload.toString();
  });
}

describe("LiveConnection", () => {
  describe("receiving", () => {
    it("delivers messages, pings and pongs in order, and answers pings", () => {
      scene.receive(
        textFrame("one"),
        pingFrame("p"),
        ...fragments(opcodes.binary, ["t", "wo"]),
        pongFrame("q"),
      );
      expect(scene.messages).toEqual(["one", Buffer.from("two")]);
      expect(scene.recorded).toEqual([
        ["ping", "p"],
        ["pong", "q", undefined],
      ]);
      expect(frameSummaries()).toEqual(["pong p"]);
    });

    it("does not answer pings with autoPong: false", () => {
      begin({ autoPong: false }).receive(pingFrame("p"));
      expect(frameSummaries()).toEqual([]);
      scene.live.pong(Buffer.from("by hand"));
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["pong by hand"]);
    });

    it("counts received and sent bytes", () => {
      scene.receive(textFrame("abc"), pingFrame());
      send("abc");
      scene.clock.advance(0);
      expect([scene.live.bytesReceived, scene.live.bytesSent]).toEqual([5 + 2, 6 + 9]);
    });

    it("inflates and deflates with the negotiated extension", () => {
      const extension = deflateOffer({}).agree([]);
      begin({ extension }).receive(textFrame(deflated("hello"), { rsv1: true }));
      expect(scene.messages).toEqual(["hello"]);
      const text = "x".repeat(500);
      send(text);
      scene.clock.advance(0);
      const [sent] = scene.frames;
      expect([sent?.rsv1, new StrictInflater(15).inflate(sent!.payload).toString()]).toEqual([true, text]);
      scene.peer.reset();
      scene.endWithin(0);
    });
  });

  describe("sending", () => {
    it("writes all frames of one tick together", () => {
      for (const text of ["a", "b"]) send(text);
      scene.live.ping(Buffer.from("p"), undefined).catch(() => undefined);
      send("c");
      expect(scene.writes).toEqual([]);
      scene.clock.advance(0);
      expect(scene.writes.length).toBe(1);
      expect(frameSummaries()).toEqual(["a", "b", "ping p", "c"]);
    });

    it("writes a pong together with messages that listeners send", () => {
      scene.onMessageCall = () => send("reply");
      scene.receive(pingFrame("p"), textFrame("question"));
      expect(scene.writes.length).toBe(1);
      expect(frameSummaries()).toEqual(["pong p", "reply"]);
    });

    it.each(boundaryLengths)("sends %i bytes as a masked frame", (size) => {
      send(Buffer.alloc(size, 7));
      scene.clock.advance(0);
      const [sent] = scene.frames;
      expect([sent?.isMasked, sent?.payload.equals(Buffer.alloc(size, 7))]).toEqual([true, true]);
      expect(scene.live.bufferedAmount).toBe(0);
    });

    it("reports drain and refusals", async () => {
      begin({ highWaterMark: 100, lowWaterMark: 50, maxBufferedAmount: 200 });
      send("x".repeat(150));
      const refused = await errorOf(scene.live.queue.send("y".repeat(50), undefined));
      expect(refused).toBeInstanceOf(BufferOverflowError);
      expect(scene.recorded).toEqual([["error", refused]]);
      expect(scene.live.queue.trySend("z", undefined)).toBe(false);
      expect(scene.live.messagesAccepted).toBe(2);
      scene.clock.advance(0);
      expect(scene.recorded).toEqual([["error", refused], "drain"]);
    });

    it("flush() resolves when the kernel has accepted the messages", async () => {
      scene.peer.takesWrites = false;
      send("a");
      let isFlushed = false;
      void scene.live.queue.flush(undefined).then(() => (isFlushed = true));
      await scene.clock.advanceAsync(0);
      expect(isFlushed).toBe(false);
      scene.peer.take();
      await scene.clock.advanceAsync(0);
      expect(isFlushed).toBe(true);
    });

    it("sends a pong before messages that wait for a blocked write", () => {
      scene.peer.takesWrites = false;
      send("a");
      scene.clock.advance(0);
      send("b");
      scene.receive(pingFrame("p"));
      scene.peer.takesWrites = true;
      scene.peer.take();
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["a", "pong p", "b"]);
    });
  });

  describe("a ping", () => {
    const ping = (payload: string): Promise<number> => scene.live.ping(Buffer.from(payload), undefined);

    it("resolves with the milliseconds until its own pong", async () => {
      const round = ping("a");
      scene.clock.advance(30);
      scene.receive(pongFrame("a"));
      expect(await round).toBe(30);
      expect(scene.recorded).toEqual([["pong", "a", 30]]);
    });

    it("is also answered by the pong of a later ping", async () => {
      const rounds = [ping("a"), ping("b")];
      scene.clock.advance(20);
      scene.receive(pongFrame("b"), pongFrame("b"), pongFrame("x"));
      expect(await Promise.all(rounds)).toEqual([20, 20]);
      expect(scene.recorded).toEqual([
        ["pong", "b", 20],
        ["pong", "b", undefined],
        ["pong", "x", undefined],
      ]);
    });

    it("can be cancelled by timeout or signal, which is reported as refused", async () => {
      const controller = new AbortController();
      const late = scene.live.ping(Buffer.from("a"), { timeout: 50 });
      const stopped = scene.live.ping(Buffer.from("b"), { signal: controller.signal });
      scene.clock.advance(50);
      controller.abort("stop");
      const errors = await Promise.all([late, stopped].map(errorOf));
      expect(errors[0]).toBeInstanceOf(TimeoutError);
      expect(errors[1]).toBe("stop");
      expect(scene.recorded).toEqual(errors.map((error) => ["error", error]));
      scene.receive(pongFrame("b"));
      expect(scene.recorded.at(-1)).toEqual(["pong", "b", 50]);
    });

    it("is not sent if its signal is aborted already", async () => {
      const signal = AbortSignal.abort("stop");
      expect(await errorOf(scene.live.ping(Buffer.from("a"), { signal, timeout: 50 }))).toBe("stop");
      scene.clock.advance(0);
      expect([scene.recorded, frameSummaries(), scene.counting.openTimers]).toEqual([
        [["error", "stop"]],
        [],
        0,
      ]);
    });

    it("throws if the payload is too long, and leaves no timer", () => {
      expect(() => scene.live.ping(Buffer.alloc(126), { timeout: 60_000 })).toThrow(RangeError);
      expect(scene.counting.openTimers).toBe(0);
    });

    it("rejects when 64 newer pings are unanswered", async () => {
      const first = ping("first");
      for (let count = 0; count < 64; count++) ping(String(count)).catch(() => undefined);
      expect(await errorOf(first)).toBeInstanceOf(BufferOverflowError);
    });

    it("that is pending when the connection ends rejects with the error of settle()", async () => {
      const round = ping("a");
      const answered = ping("b");
      scene.peer.reset();
      expect(scene.endWithin(0).unansweredPings).toBe(2);
      expect(await Promise.all([round, answered].map(errorOf))).toEqual([
        new Error("gone"),
        new Error("gone"),
      ]);
    });
  });

  describe("a pause", () => {
    it("buffers messages, delivers them in order, and is measured in milliseconds", () => {
      scene.onMessageCall = () => scene.live.pause();
      scene.receive(textFrame("1"), textFrame("2"), textFrame("3"));
      expect(scene.messages).toEqual(["1"]);
      scene.receive(textFrame("4"));
      scene.clock.advance(100);
      expect(scene.messages).toEqual(["1"]);
      scene.live.resume();
      expect(scene.messages).toEqual(["1", "2"]);
      scene.clock.advance(50);
      scene.onMessageCall = undefined;
      scene.live.resume();
      scene.clock.advance(0);
      expect(scene.messages).toEqual(["1", "2", "3", "4"]);
      scene.peer.reset();
      expect(scene.endWithin(0).pausedMs).toBe(150);
    });

    it("is measured up to the end of a connection that breaks meanwhile", () => {
      scene.live.pause();
      scene.clock.advance(100);
      scene.transport.destroy();
      expect(scene.endWithin(0).pausedMs).toBe(100);
      scene.live.resume();
      scene.live.pause();
    });

    it("may be started and ended twice", () => {
      scene.live.resume();
      scene.live.pause();
      scene.clock.advance(10);
      scene.live.pause();
      scene.clock.advance(10);
      scene.live.resume();
      scene.live.resume();
      scene.receive(textFrame("1"));
      expect(scene.messages).toEqual(["1"]);
      scene.peer.reset();
      expect(scene.endWithin(0).pausedMs).toBe(20);
    });

    it("does not delay the pong of a buffered ping if the next message pauses again", () => {
      scene.onMessageCall = () => scene.live.pause();
      scene.receive(textFrame("1"), pingFrame("p"), textFrame("2"), textFrame("3"));
      scene.clock.advance(0);
      expect([scene.messages, frameSummaries()]).toEqual([["1"], []]);
      scene.live.resume();
      scene.clock.advance(0);
      expect([scene.messages, frameSummaries()]).toEqual([["1", "2"], ["pong p"]]);
    });

    it("does not affect sending", () => {
      scene.live.pause();
      send("a");
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["a"]);
    });

    it("stops messageTimeout for an unfinished message", () => {
      begin({ messageTimeout: 1_000 }).receive(textFrame("x".repeat(100)).subarray(0, 50));
      scene.clock.advance(900);
      scene.live.pause();
      scene.clock.advance(60_000);
      scene.live.resume();
      scene.clock.advance(999);
      expect(scene.recorded).toEqual([]);
      scene.clock.advance(1);
      expect(scene.recorded).toEqual([["closing", 1008, "", "us"]]);
      expect(scene.endWithin(1_000).error).toEqual(messageStalled(1_000));
    });

    it("ends when the stream is closed, so that buffered messages are delivered", () => {
      let isPausing = true;
      scene.onMessageCall = () => isPausing && scene.live.pause();
      scene.receive(textFrame("1"), textFrame("2"), closeFrame(1001, "bye"));
      scene.transport.destroy();
      scene.onLastMessagesCall = () => (isPausing = false);
      const end = scene.endWithin(0);
      expect(scene.messages).toEqual(["1", "2"]);
      expect(scene.recorded).toEqual([["closing", 1001, "bye", "peer"]]);
      expect(end).toMatchObject({ initiatedBy: "peer", closeReceived: { code: 1001, reason: "bye" } });
      // The answer was queued but never written.
      expect(end.closeSent).toBeUndefined();
      scene.clock.advance(60_000);
      expect(scene.ends.length).toBe(1);
    });
  });

  describe("our close", () => {
    const close = (): void => scene.live.close({ code: 1000, reason: "done" });

    it("sends Close, receives Close, ends our side and waits for the end of the peer's side", () => {
      close();
      expect([scene.recorded, scene.live.isClosing]).toEqual([[["closing", 1000, "done", "us"]], true]);
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["close 1000"]);
      expect(scene.frames[0]?.payload.toString("utf8", 2)).toBe("done");
      scene.receive(textFrame("late"), closeFrame(1000));
      expect([scene.messages, scene.hasEnded]).toEqual([["late"], true]);
      scene.peer.end();
      expect(scene.endWithin(0)).toMatchObject({
        initiatedBy: "us",
        phase: "closing",
        closeSent: { code: 1000, reason: "done" },
        closeReceived: { code: 1000, reason: "" },
        error: undefined,
      });
      expect(scene.recorded.length).toBe(1);
    });

    it("follows all accepted messages, including those above the mark and a Blob", async () => {
      begin({ highWaterMark: 100, lowWaterMark: 50 });
      scene.peer.takesWrites = false;
      send("x".repeat(200));
      send("above");
      const blob = new PendingMessage({}, 4, () => Promise.resolve("blob"));
      void scene.live.queue.send(blob, undefined);
      send("behind");
      close();
      await scene.clock.advanceAsync(0);
      scene.peer.takesWrites = true;
      scene.peer.take();
      await scene.clock.advanceAsync(0);
      expect(frameSummaries()).toEqual(["200 bytes", "above", "blob", "behind", "close 1000"]);
    });

    it.each(["a Blob that cannot be read", "a message that is withdrawn"])(
      "is not blocked by %s",
      async (what) => {
        let fail = (_error: Error): void => undefined;
        const read = (): Promise<never> =>
          new Promise((_resolve, reject) => {
            fail = reject;
            void never().then(() => reject(new Error("over")));
          });
        const controller = new AbortController();
        const options = { signal: controller.signal };
        const sending = errorOf(scene.live.queue.send(new PendingMessage({}, 4, read), options));
        close();
        await scene.clock.advanceAsync(0);
        expect(frameSummaries()).toEqual([]);
        if (what.startsWith("a Blob")) fail(new Error("file gone"));
        else controller.abort(new Error("file gone"));
        expect(await sending).toEqual(new Error("file gone"));
        await scene.clock.advanceAsync(0);
        expect(frameSummaries()).toEqual(["close 1000"]);
      },
    );

    it("sends one Close for several calls", () => {
      close();
      scene.live.close({ code: 1001, reason: "" });
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["close 1000"]);
      expect(scene.recorded.length).toBe(1);
    });

    it("allows no message after it", () => {
      close();
      expect(() => scene.live.queue.send("late", undefined)).toThrow(/connection is closing/);
      expect(() => scene.live.pong(Buffer.alloc(0))).toThrow(/connection is closing/);
    });

    it("fails when closeTimeout has passed since the call", async () => {
      const { message } = await stalled();
      close();
      const end = scene.endWithin(5_000);
      expect(scene.clock.now()).toBe(5_000);
      expect(end).toMatchObject({ initiatedBy: "us", closeSent: undefined, closeReceived: undefined });
      expect(end.error).toBeInstanceOf(TimeoutError);
      expect(end.error?.message).toContain("did not answer our Close in the 5000 ms");
      expect(end.unsent).toEqual(unsentOf(message));
    });

    /** Sends a Blob whose content never arrives, so that a later Close must wait. */
    async function stalled(): Promise<{ message: PendingMessage }> {
      const message = new PendingMessage({}, 4, () => never());
      scene.live.queue.send(message, undefined).catch(() => undefined);
      await promisesSettled();
      return { message };
    }

    it("restarts closeTimeout on progress of a blocked write, up to ten times closeTimeout", () => {
      scene.peer.takesWrites = false;
      send(Buffer.alloc(64 * 65_536));
      close();
      for (let round = 0; round < 12; round++) {
        scene.clock.advance(4_000);
        expect(scene.ends).toEqual([]);
        scene.peer.take();
        scene.clock.advance(0);
      }
      scene.clock.advance(1_999);
      expect(scene.ends).toEqual([]);
      expect(scene.endWithin(1).endedAt).toBe(50_000);
    });

    it("does not restart closeTimeout for writes that the kernel accepts immediately", async () => {
      await stalled();
      close();
      for (let round = 1; round < 5; round++) {
        scene.clock.advance(1_000);
        scene.receive(pingFrame(String(round)));
      }
      expect(frameSummaries()).toEqual(["pong 1", "pong 2", "pong 3", "pong 4"]);
      expect(scene.endWithin(1_000).endedAt).toBe(5_000);
    });

    it("does not restart closeTimeout for received data", () => {
      close();
      for (let round = 0; round < 4; round++) {
        scene.clock.advance(1_000);
        scene.receive(textFrame("still here"));
      }
      expect(scene.endWithin(1_000).endedAt).toBe(5_000);
    });

    it("waits 1 s for a peer that has sent its Close and does not end its stream", () => {
      close();
      scene.clock.advance(100);
      scene.receive(closeFrame(1000));
      scene.clock.advance(999);
      expect(scene.ends).toEqual([]);
      expect(scene.endWithin(1)).toMatchObject({ endedAt: 1_100, error: undefined });
    });

    it("ends if the peer ends its stream without a Close", () => {
      close();
      scene.clock.advance(0);
      scene.peer.end();
      const end = scene.endWithin(0);
      expect(end).toMatchObject({
        initiatedBy: "us",
        phase: "closing",
        closeReceived: undefined,
        error: undefined,
      });
      expect(end.closeSent).toEqual({ code: 1000, reason: "done" });
    });

    it("that crosses the peer's Close is one closing handshake", () => {
      close();
      scene.receive(closeFrame(1001));
      expect(frameSummaries()).toEqual(["close 1000"]);
      expect(scene.recorded).toEqual([["closing", 1000, "done", "us"]]);
      scene.peer.end();
      expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "us", closeReceived: { code: 1001 } });
    });

    it("ignores a reset after both Close frames", () => {
      close();
      scene.receive(closeFrame(1000));
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({ error: undefined });
    });
  });

  describe("the peer's close", () => {
    it.each([
      [closeFrame(1001, "deploy"), { code: 1001, reason: "deploy" }, "close 1001"],
      [closeFrame(), { code: 1005, reason: "" }, "close"],
    ])("is answered with the same code: %o", (bytes, received, answer) => {
      scene.receive(textFrame("last"), bytes);
      expect(scene.messages).toEqual(["last"]);
      expect(scene.recorded).toEqual([["closing", received.code, received.reason, "peer"]]);
      expect([frameSummaries(), scene.hasEnded, scene.live.isClosing]).toEqual([[answer], true, true]);
      scene.peer.end();
      expect(scene.endWithin(0)).toMatchObject({
        ...{ initiatedBy: "peer", phase: "closing", closeReceived: received, error: undefined },
        closeSent: { code: received.code, reason: "" },
      });
    });

    it("leaves waiting messages unsent", () => {
      begin({ highWaterMark: 10, lowWaterMark: 0 });
      scene.peer.takesWrites = false;
      send("x".repeat(20));
      send("waits");
      scene.receive(closeFrame(1000));
      scene.peer.take();
      scene.peer.takesWrites = true;
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["x".repeat(20), "close 1000"]);
      scene.peer.end();
      expect(scene.endWithin(0).unsent).toEqual(unsentOf("waits"));
    });

    it("is followed by 1 s of waiting if the peer does not end its stream", () => {
      scene.receive(closeFrame(1000));
      expect(scene.endWithin(1_000)).toMatchObject({ endedAt: 1_000, initiatedBy: "peer", error: undefined });
    });

    it("times out after closeTimeout if the peer does not read our answer", () => {
      scene.peer.takesWrites = false;
      send("in the way");
      scene.clock.advance(0);
      scene.receive(closeFrame(1000));
      const end = scene.endWithin(5_000);
      expect(end).toMatchObject({ endedAt: 5_000, initiatedBy: "peer", closeSent: undefined });
      expect(end.error?.message).toContain("did not read our Close in the 5000 ms");
    });

    it("may arrive together with the end of the stream", () => {
      scene.peer.send(closeFrame(1000));
      scene.peer.end();
      expect(scene.endWithin(0)).toMatchObject({
        closeReceived: { code: 1000 },
        closeSent: { code: 1000 },
        error: undefined,
      });
    });

    it("makes our close() a no-op", () => {
      scene.receive(closeFrame(1001));
      scene.live.close({ code: 1000, reason: "" });
      expect(scene.recorded.length).toBe(1);
      scene.peer.end();
      expect(scene.endWithin(0).initiatedBy).toBe("peer");
    });
  });

  describe("a failure", () => {
    it.each([
      ["a frame with RSV1", textFrame("x", { rsv1: true }), "UNEXPECTED_RSV", 1002],
      ["a message above maxMessageSize", frame({ opcode: 2, announced: 2_000_000 }), "MESSAGE_TOO_BIG", 1009],
      ["text that is not UTF-8", textFrame(Uint8Array.of(0xff)), "INVALID_UTF8", 1007],
      ["a Close frame of one byte", frame({ opcode: 8, payload: "x" }), "INVALID_CLOSE", 1002],
    ])(
      "caused by %s delivers earlier messages, sends its close code, and ends",
      (_what, bytes, code, closeCode) => {
        scene.receive(textFrame("before"), bytes, textFrame("behind"));
        expect(scene.messages).toEqual(["before"]);
        expect(scene.recorded).toEqual([["closing", closeCode, "", "us"]]);
        expect([frameSummaries(), scene.hasEnded]).toEqual([[`close ${closeCode}`], true]);
        scene.receive(textFrame("later"));
        scene.peer.end();
        const end = scene.endWithin(0);
        expect(end).toMatchObject({
          initiatedBy: "us",
          phase: "open",
          closeSent: { code: closeCode, reason: "" },
        });
        expect(end.error).toMatchObject({ code, closeCode });
        expect(scene.messages).toEqual(["before"]);
      },
    );

    it("after our close() is not reported as another closing", () => {
      scene.live.close({ code: 1000, reason: "" });
      scene.receive(textFrame("x", { rsv1: true }));
      expect(scene.recorded).toEqual([["closing", 1000, "", "us"]]);
      expect(frameSummaries()).toEqual(["close 1000"]);
      const end = scene.endWithin(1_000);
      expect(end).toMatchObject({ phase: "closing", closeSent: { code: 1000 } });
      expect(end.error).toMatchObject({ code: "UNEXPECTED_RSV" });
    });

    it("by fail() sends its Close after the accepted messages", () => {
      send("before");
      scene.live.fail(messageStalled(5));
      scene.clock.advance(0);
      expect(frameSummaries()).toEqual(["before", "close 1008"]);
      scene.live.fail(messageStalled(6));
      expect(scene.endWithin(1_000).error).toEqual(messageStalled(5));
    });
  });

  describe("the end of the stream", () => {
    it.each([
      ["a reset", () => scene.peer.reset(), { code: "ECONNRESET" }],
      ["an end", () => scene.peer.end(), undefined],
    ])("by %s without a Close is attributed to the network", (_what, act, error) => {
      scene.clock.advance(40);
      send("a");
      scene.receive(textFrame("last"));
      scene.clock.advance(60);
      act();
      const end = scene.endWithin(0);
      expect(scene.messages).toEqual(["last"]);
      expect(end).toMatchObject({
        initiatedBy: "network",
        phase: "open",
        closeSent: undefined,
        closeReceived: undefined,
      });
      expect(end).toMatchObject({ openedAt: 0, lastReceivedAt: 40, lastSentAt: 40, endedAt: 100 });
      if (error === undefined) expect(end.error).toBeUndefined();
      else expect(end.error).toMatchObject(error);
    });

    it("settles all pending calls", () => {
      // With its header it fills exactly three writes.
      const gone = scene.live.queue.send(Buffer.alloc(3 * 65_536 - 14), undefined);
      scene.peer.reset();
      scene.endWithin(0);
      expect([scene.live.bufferedAmount, scene.live.isClosing]).toEqual([0, true]);
      return expect(errorOf(gone)).resolves.toBeDefined();
    });
  });

  describe("terminate", () => {
    it("destroys the stream immediately", () => {
      send("never");
      scene.live.terminate();
      expect(scene.live.isClosing).toBe(true);
      scene.live.close({ code: 1000, reason: "" });
      const end = scene.endWithin(0);
      expect(end).toMatchObject({ initiatedBy: "us", phase: "open", closeSent: undefined });
      expect(end.unsent).toEqual(unsentOf("never"));
      expect([frameSummaries(), scene.recorded]).toEqual([[], []]);
    });

    it("called by a message listener discards everything else of the same read", () => {
      scene.onMessageCall = () => scene.live.terminate();
      scene.receive(textFrame("1"), textFrame("2"), closeFrame(1000));
      expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "us", closeReceived: undefined });
      expect(scene.messages).toEqual(["1"]);
    });

    it("aborts a closing handshake", () => {
      scene.receive(closeFrame(1001));
      scene.live.terminate();
      expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "peer", endedAt: 0, error: undefined });
    });
  });

  describe("giveUp()", () => {
    const dead = heartbeatTimedOut(20_000);

    it("destroys a dead connection and reports the error", () => {
      send("never");
      scene.live.giveUp(dead);
      const end = scene.endWithin(0);
      expect(end).toMatchObject({ initiatedBy: "network", phase: "open", error: dead });
      expect([end.unsent, frameSummaries()]).toEqual([unsentOf("never"), []]);
    });

    it("delivers messages that were received before", () => {
      scene.onMessageCall = () => scene.live.pause();
      scene.receive(textFrame("1"), textFrame("2"));
      expect(scene.messages).toEqual(["1"]);
      scene.live.giveUp(dead);
      expect(scene.endWithin(0).error).toBe(dead);
      expect(scene.messages).toEqual(["1", "2"]);
    });
  });

  describe("activity of the peer", () => {
    it("includes received bytes", () => {
      scene.clock.advance(5);
      expect([scene.live.openedAt, scene.live.lastActivityAt, scene.live.lastReceivedAt]).toEqual([0, 0, 0]);
      scene.receive(textFrame("1"));
      expect([scene.live.lastActivityAt, scene.live.lastReceivedAt]).toEqual([5, 5]);
    });

    it("includes progress of a blocked write", () => {
      scene.peer.takesWrites = false;
      send("a");
      scene.clock.advance(0);
      scene.clock.advance(0);
      expect(scene.live.blockedSince).toBe(0);
      scene.clock.advance(5);
      scene.peer.take();
      scene.clock.advance(0);
      expect([scene.live.lastActivityAt, scene.live.lastReceivedAt, scene.live.blockedSince]).toEqual([
        5,
        0,
        undefined,
      ]);
    });

    it("is counted in answered pings", () => {
      scene.live.sendHeartbeatPing(Buffer.from("1"));
      scene.live.sendHeartbeatPing(Buffer.from("2"));
      scene.receive(pongFrame("1"));
      expect(frameSummaries()).toEqual(["ping 1", "ping 2"]);
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({ unansweredPings: 1, answeredPings: 1 });
    });
  });

  describe("messages with an owner", () => {
    it("are returned with their tokens, and their promises resolve", async () => {
      begin({ highWaterMark: 10, lowWaterMark: 0 });
      scene.peer.takesWrites = false;
      send("taken by no one");
      scene.clock.advance(0);
      const sending = scene.live.queue.send("first", undefined, 1);
      scene.live.queue.sendAccepted("second", undefined, 2);
      expect(scene.live.queue.trySend("third", undefined, 3)).toBe(false);
      scene.peer.reset();
      expect(scene.endWithin(0).unsent).toEqual([
        { data: "first", token: 1 },
        { data: "second", token: 2 },
        { data: "third", token: 3 },
      ]);
      expect(await errorOf(sending)).toBe("no error");
    });

    it("are reported if they are withdrawn", () => {
      begin({ highWaterMark: 10, lowWaterMark: 0 });
      send("above the mark");
      scene.live.queue.send("late", { timeout: 5 }, "token").catch(() => undefined);
      scene.peer.takesWrites = false;
      scene.clock.advance(0);
      scene.live.queue.send("later", { timeout: 5 }, "another").catch(() => undefined);
      scene.clock.advance(5);
      expect(scene.recorded.slice(-2)).toEqual([
        ["withdrawn", "another"],
        ["error", expect.any(TimeoutError)],
      ]);
    });
  });

  describe("takeBack()", () => {
    it("returns messages of which no byte is written, and sends the rest of the others", async () => {
      begin({ highWaterMark: 1e6, maxBufferedAmount: 2e6 });
      scene.peer.takesWrites = false;
      const large = "1".repeat(100_000);
      send(large);
      scene.clock.advance(0);
      send("2");
      const sending = scene.live.queue.send("3", undefined, "token");
      const flush = scene.live.queue.flush(undefined);
      expect(scene.live.takeBack()).toEqual([...unsentOf("2"), { data: "3", token: "token" }]);
      expect([await errorOf(sending), await errorOf(flush)]).toEqual(["no error", "no error"]);
      expect(scene.live.messagesAccepted).toBe(1);
      scene.peer.takesWrites = true;
      scene.peer.take();
      scene.clock.advance(0);
      expect(scene.sentTexts).toEqual([large]);
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({ unsent: [], uncertainCount: 1 });
    });

    it("removes the messages that a pong would have confirmed", () => {
      scene.peer.takesWrites = false;
      send("1");
      scene.clock.advance(0);
      send("2");
      scene.live.sendHeartbeatPing(Buffer.from("p"));
      expect(scene.live.takeBack()).toEqual(unsentOf("2"));
      scene.peer.takesWrites = true;
      scene.peer.take();
      scene.clock.advance(0);
      scene.receive(pongFrame("p"));
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({ unsent: [], uncertainCount: 0 });
    });
  });

  describe("messages of a connection that breaks", () => {
    /** Their frames have 66,014, 8, 8, 136, 65,550 and 8 bytes, so some span two or three segments of 64 KiB. */
    const messages = ["1".repeat(66_000), "22", "33", "4".repeat(128), Buffer.alloc(65_536, 5), "66"];
    const sizes = [66_014, 8, 8, 136, 65_550, 8];

    /** Breaks the connection after the kernel has accepted `count` writes. */
    function breakAfter(count: number, confirmed = 0): void {
      begin({ highWaterMark: 1e6, maxBufferedAmount: 2e6 });
      scene.peer.takesWrites = false;
      for (const [index, message] of messages.entries()) {
        if (index === confirmed && confirmed > 0) {
          // Everything is written before the ping, so its pong confirms it.
          while (scene.live.bufferedAmount > 0) take();
          scene.live.ping(Buffer.from("p"), undefined).catch(() => undefined);
          take();
          scene.receive(pongFrame("p"));
        }
        send(message);
      }
      scene.clock.advance(0);
      for (let taken = 0; taken < count; taken++) take();
      scene.peer.reset();
      scene.clock.advance(0);
    }

    function take(): void {
      scene.clock.advance(0);
      scene.peer.take();
      scene.clock.advance(0);
    }

    it.each([0, 1, 2, 3, 4, 5])(
      "with %i accepted writes, are unsent from the first message of which no byte was written",
      (count) => {
        breakAfter(count);
        const { unsent, uncertainCount } = scene.endWithin(0);
        const handed = scene.peer.received.length + scene.peer.waitingBytes;
        let begun = 0;
        for (let at = 0; begun < messages.length && at < handed; at += sizes[begun]!, begun++);
        expect(unsent).toEqual(unsentOf(...messages.slice(begun)));
        expect(uncertainCount).toBe(begun);
      },
    );

    it.each([1, 3, 5])(
      "are certainly received if they are among the %i messages before an answered ping",
      (confirmed) => {
        breakAfter(0, confirmed);
        const { unsent, uncertainCount } = scene.endWithin(0);
        expect(unsent.length + uncertainCount).toBe(messages.length - confirmed);
        expect(unsent).toEqual(unsentOf(...messages.slice(messages.length - unsent.length)));
      },
    );

    it("are all unsent before the end of the tick", () => {
      send("a");
      send("b");
      scene.transport.destroy();
      scene.peer.reset();
      expect(scene.ends).toEqual([]);
      scene.live.streamClosed(undefined);
      expect(scene.ends[0]).toMatchObject({ unsent: unsentOf("a", "b"), uncertainCount: 0 });
    });

    it("are returned in order: framed messages, then those above the mark", () => {
      begin({ highWaterMark: 10, lowWaterMark: 0 });
      scene.peer.takesWrites = false;
      send("first, and taken by no one");
      scene.clock.advance(0);
      send("second");
      const blob = new PendingMessage({ name: "blob" }, 4, () => never());
      scene.live.queue.send(blob, undefined).catch(() => undefined);
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({
        unsent: unsentOf("second", blob),
        uncertainCount: 1,
      });
    });

    it("are returned uncompressed", () => {
      begin({ extension: deflateOffer({}).agree([]) });
      scene.peer.takesWrites = false;
      send("x");
      scene.clock.advance(0);
      send("y".repeat(300));
      scene.peer.reset();
      expect(scene.endWithin(0)).toMatchObject({ unsent: unsentOf("y".repeat(300)), uncertainCount: 1 });
    });
  });

  describe("the uncertain messages after our close()", () => {
    function sendAndClose(code = 1000): void {
      for (const text of ["1", "2", "3"]) send(text);
      scene.live.close({ code, reason: "" });
    }

    it.each([1000, 1001, 4000])("are none if the peer echoes our code %i", (code) => {
      sendAndClose(code);
      scene.clock.advance(0);
      scene.receive(closeFrame(code));
      scene.peer.end();
      expect(scene.endWithin(0)).toMatchObject({ unsent: [], uncertainCount: 0 });
    });

    it.each([
      ["another code", closeFrame(1001)],
      ["no code", closeFrame()],
    ])("are those that no pong has confirmed, if the peer answers with %s", (_, answer) => {
      sendAndClose();
      scene.clock.advance(0);
      scene.receive(answer);
      scene.peer.end();
      expect(scene.endWithin(0).uncertainCount).toBe(3);
    });

    it.each(["a reset", "the end of the stream"])("are all messages if %s precedes the answer", (how) => {
      sendAndClose();
      scene.clock.advance(0);
      if (how === "a reset") scene.peer.reset();
      else scene.peer.end();
      expect(scene.endWithin(0).uncertainCount).toBe(3);
    });

    it("are all messages if the peer's Close arrives before ours is written", () => {
      scene.peer.takesWrites = false;
      sendAndClose();
      scene.clock.advance(0);
      scene.receive(closeFrame(1000));
      scene.peer.takesWrites = true;
      scene.peer.take();
      scene.clock.advance(0);
      scene.peer.end();
      expect(scene.endWithin(1_000)).toMatchObject({ unsent: [], uncertainCount: 3 });
    });

    it("are all messages if the peer's Close was buffered by a pause before ours was sent", () => {
      send("1");
      scene.clock.advance(0);
      scene.onMessageCall = () => scene.live.pause();
      scene.receive(textFrame("pauses"), closeFrame(1000));
      expect(scene.live.isPaused).toBe(true);
      scene.live.close({ code: 1000, reason: "" });
      scene.clock.advance(0);
      scene.live.resume();
      scene.peer.end();
      expect(scene.endWithin(1_000).uncertainCount).toBe(1);
    });

    it("are all messages if reading was paused when our Close was written", () => {
      send("1");
      scene.live.pause();
      scene.live.close({ code: 1000, reason: "" });
      scene.clock.advance(0);
      scene.receive(closeFrame(1000));
      scene.live.resume();
      scene.clock.advance(0);
      scene.peer.end();
      expect(scene.endWithin(1_000).uncertainCount).toBe(1);
    });

    it("are all messages if the peer closes", () => {
      send("1");
      scene.clock.advance(0);
      scene.receive(closeFrame(1000));
      scene.peer.end();
      expect(scene.endWithin(1_000).uncertainCount).toBe(1);
    });
  });

  describe("the memory of unsent output", () => {
    /** Sends enough to fill the pool with wide segments, then data that the kernel does not accept. */
    function fillUnwritten(): () => number {
      begin({ highWaterMark: 2e6, lowWaterMark: 0, maxBufferedAmount: 4e6 });
      const { segments } = scene.resources;
      for (let count = 0; count < 20; count++) {
        send(Buffer.alloc(60_000));
        scene.clock.advance(0);
      }
      scene.peer.takesWrites = false;
      send(Buffer.alloc(200_000));
      scene.clock.advance(0);
      send("behind");
      return () => {
        const taken = Array.from({ length: 16 }, () => segments.acquire());
        const wide = taken.filter(({ index }) => index !== -1);
        for (const segment of wide) segments.release(segment);
        return wide.length;
      };
    }

    it.each(["a reset", "terminate()", "giveUp()"])(
      "returns to the pool when the stream is closed, not while the kernel may read it: %s",
      (how) => {
        const freeWide = fillUnwritten();
        expect(freeWide()).toBeLessThan(16);
        if (how === "a reset") scene.peer.reset();
        else if (how === "terminate()") scene.live.terminate();
        else scene.live.giveUp(new Error("dead"));
        expect(freeWide()).toBeLessThan(16);
        expect(scene.ends).toEqual([]);
        const { unsent } = scene.endWithin(0);
        expect(unsent.at(-1)?.data).toBe("behind");
        expect(freeWide()).toBe(16);
      },
    );

    it("of control frames returns too, even if no message was ever sent", () => {
      begin();
      const { segments } = scene.resources;
      scene.peer.takesWrites = false;
      scene.live.sendHeartbeatPing(Buffer.from("1"));
      scene.live.pong(Buffer.from("2"));
      scene.peer.reset();
      scene.endWithin(0);
      const [first, second] = [segments.acquire(), segments.acquire()];
      expect([first.bytes[0], second.bytes[0]].sort()).toEqual([0x89, 0x8a]);
    });
  });

  describe("borrowed messages", () => {
    it("are delivered from the next read on, while isLending is true", () => {
      scene.receive(textFrame("1"));
      scene.isLending = true;
      scene.receive(textFrame("2"), textFrame("3"));
      scene.isLending = false;
      scene.receive(textFrame("4"));
      expect(scene.messages).toEqual(["1", "4"]);
      expect(scene.recorded).toEqual([
        ["borrowed", "2", false],
        ["borrowed", "3", false],
      ]);
      scene.live.terminate();
      scene.endWithin(0);
    });
  });

  describe("keeping the process alive", () => {
    it("depends on the socket while the connection is open", () => {
      expect(scene.clock.isHeld).toBe(true);
      scene.live.unref();
      expect(scene.clock.isHeld).toBe(false);
      scene.live.ref();
      expect(scene.clock.isHeld).toBe(true);
    });

    it("is not done by the closing handshake of an unreferenced connection", () => {
      scene.live.unref();
      scene.live.close({ code: 1000, reason: "" });
      expect(scene.clock.isHeld).toBe(false);
      scene.receive(closeFrame(1000));
      expect(scene.clock.isHeld).toBe(false);
      expect(scene.endWithin(1_000).error).toBeUndefined();
    });
  });
});
