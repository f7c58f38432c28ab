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

/** Messages that came back, of which their owner keeps nothing. */
function unsentOf(...messages: readonly Sendable[]): UnsentMessage[] {
  return messages.map((data) => ({ data, token: undefined }));
}

const send = (data: string | Uint8Array): void => void scene.live.send(data, undefined);

/** Frames in words: text as it is, control frames by their name. */
function words(): string[] {
  return scene.frames.map(({ opcode, payload }) => {
    if (opcode === opcodes.ping) return `ping ${payload.toString()}`;
    if (opcode === opcodes.pong) return `pong ${payload.toString()}`;
    if (opcode === opcodes.close)
      return `close ${payload.length === 0 ? "" : payload.readUInt16BE(0)}`.trim();
    return payload.length > 100 ? `${payload.length} bytes` : payload.toString();
  });
}

describe("receiving", () => {
  it("tells messages, pings and pongs as they come, and answers pings", () => {
    scene.receive(
      textFrame("one"),
      pingFrame("p"),
      ...fragments(opcodes.binary, ["t", "wo"]),
      pongFrame("q"),
    );
    expect(scene.messages).toEqual(["one", Buffer.from("two")]);
    expect(scene.told).toEqual([
      ["ping", "p"],
      ["pong", "q", undefined],
    ]);
    expect(words()).toEqual(["pong p"]);
  });

  it("leaves the answer to the user where that is asked", () => {
    begin({ autoPong: false }).receive(pingFrame("p"));
    expect(words()).toEqual([]);
    scene.live.pong(Buffer.from("by hand"));
    scene.clock.advance(0);
    expect(words()).toEqual(["pong by hand"]);
  });

  it("counts bytes of both directions", () => {
    scene.receive(textFrame("abc"), pingFrame());
    send("abc");
    scene.clock.advance(0);
    expect([scene.live.bytesReceived, scene.live.bytesSent]).toEqual([5 + 2, 6 + 9]);
  });

  it("inflates and deflates by the extension that was agreed on", () => {
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
  it("writes all of one tick at once", () => {
    for (const text of ["a", "b"]) send(text);
    scene.live.ping(Buffer.from("p"), undefined).catch(() => undefined);
    send("c");
    expect(scene.writes).toEqual([]);
    scene.clock.advance(0);
    expect(scene.writes.length).toBe(1);
    expect(words()).toEqual(["a", "b", "ping p", "c"]);
  });

  it("writes the answer to a ping together with what the handlers send", () => {
    scene.onMessageCall = () => send("reply");
    scene.receive(pingFrame("p"), textFrame("question"));
    expect(scene.writes.length).toBe(1);
    expect(words()).toEqual(["pong p", "reply"]);
  });

  it.each(boundaryLengths)("frames %i bytes, masked", (size) => {
    send(Buffer.alloc(size, 7));
    scene.clock.advance(0);
    const [sent] = scene.frames;
    expect([sent?.isMasked, sent?.payload.equals(Buffer.alloc(size, 7))]).toEqual([true, true]);
    expect(scene.live.bufferedAmount).toBe(0);
  });

  it("tells drain and refusals", async () => {
    begin({ highWaterMark: 100, lowWaterMark: 50, maxBufferedAmount: 200 });
    send("x".repeat(150));
    const refused = await errorOf(scene.live.send("y".repeat(50), undefined));
    expect(refused).toBeInstanceOf(BufferOverflowError);
    expect(scene.told).toEqual([["refused", refused]]);
    expect(scene.live.trySend("z", undefined)).toBe(false);
    expect(scene.live.messagesAccepted).toBe(2);
    scene.clock.advance(0);
    expect(scene.told).toEqual([["refused", refused], "drain"]);
  });

  it("flushes", async () => {
    scene.peer.takesWrites = false;
    send("a");
    let isFlushed = false;
    void scene.live.flush(undefined).then(() => (isFlushed = true));
    await scene.clock.advanceAsync(0);
    expect(isFlushed).toBe(false);
    scene.peer.take();
    await scene.clock.advanceAsync(0);
    expect(isFlushed).toBe(true);
  });

  it("lets a pong pass what waits behind a write that was refused", () => {
    scene.peer.takesWrites = false;
    send("a");
    scene.clock.advance(0);
    send("b");
    scene.receive(pingFrame("p"));
    scene.peer.takesWrites = true;
    scene.peer.take();
    scene.clock.advance(0);
    expect(words()).toEqual(["a", "pong p", "b"]);
  });
});

describe("a ping", () => {
  const ping = (payload: string): Promise<number> => scene.live.ping(Buffer.from(payload), undefined);

  it("resolves with the time until its own pong", async () => {
    const round = ping("a");
    scene.clock.advance(30);
    scene.receive(pongFrame("a"));
    expect(await round).toBe(30);
    expect(scene.told).toEqual([["pong", "a", 30]]);
  });

  it("is answered by the pong of a later one too", async () => {
    const rounds = [ping("a"), ping("b")];
    scene.clock.advance(20);
    scene.receive(pongFrame("b"), pongFrame("b"), pongFrame("x"));
    expect(await Promise.all(rounds)).toEqual([20, 20]);
    expect(scene.told).toEqual([
      ["pong", "b", 20],
      ["pong", "b", undefined],
      ["pong", "x", undefined],
    ]);
  });

  it("may be given up, which is told", async () => {
    const controller = new AbortController();
    const late = scene.live.ping(Buffer.from("a"), { timeout: 50 });
    const stopped = scene.live.ping(Buffer.from("b"), { signal: controller.signal });
    scene.clock.advance(50);
    controller.abort("stop");
    const errors = await Promise.all([late, stopped].map(errorOf));
    expect(errors[0]).toBeInstanceOf(TimeoutError);
    expect(errors[1]).toBe("stop");
    expect(scene.told).toEqual(errors.map((error) => ["refused", error]));
    scene.receive(pongFrame("b"));
    expect(scene.told.at(-1)).toEqual(["pong", "b", 50]);
  });

  it("with a signal that is aborted already is not sent", async () => {
    const signal = AbortSignal.abort("stop");
    expect(await errorOf(scene.live.ping(Buffer.from("a"), { signal, timeout: 50 }))).toBe("stop");
    scene.clock.advance(0);
    expect([scene.told, words(), scene.counting.openTimers]).toEqual([[["refused", "stop"]], [], 0]);
  });

  it("with too long a payload throws, and leaves no timer", () => {
    expect(() => scene.live.ping(Buffer.alloc(126), { timeout: 60_000 })).toThrow(RangeError);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("that is forgotten for too many newer ones rejects", async () => {
    const first = ping("first");
    for (let count = 0; count < 64; count++) ping(String(count)).catch(() => undefined);
    expect(await errorOf(first)).toBeInstanceOf(BufferOverflowError);
  });

  it("that waits when the connection is gone rejects with what settles it", async () => {
    const round = ping("a");
    const answered = ping("b");
    scene.peer.reset();
    expect(scene.endWithin(0).unansweredPings).toBe(2);
    expect(await Promise.all([round, answered].map(errorOf))).toEqual([new Error("gone"), new Error("gone")]);
  });
});

describe("a pause", () => {
  it("keeps what comes, tells it in order, and is told in milliseconds", () => {
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

  it("counts to the end of a connection that breaks meanwhile", () => {
    scene.live.pause();
    scene.clock.advance(100);
    scene.transport.destroy();
    expect(scene.endWithin(0).pausedMs).toBe(100);
    scene.live.resume();
    scene.live.pause();
  });

  it("may be asked for and ended twice", () => {
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

  it("does not hold back the pong of a ping that was kept, where the next message pauses again", () => {
    scene.onMessageCall = () => scene.live.pause();
    scene.receive(textFrame("1"), pingFrame("p"), textFrame("2"), textFrame("3"));
    scene.clock.advance(0);
    expect([scene.messages, words()]).toEqual([["1"], []]);
    scene.live.resume();
    scene.clock.advance(0);
    expect([scene.messages, words()]).toEqual([["1", "2"], ["pong p"]]);
  });

  it("lets sending go on", () => {
    scene.live.pause();
    send("a");
    scene.clock.advance(0);
    expect(words()).toEqual(["a"]);
  });

  it("stops the clock of a message that has begun", () => {
    begin({ messageTimeout: 1_000 }).receive(textFrame("x".repeat(100)).subarray(0, 50));
    scene.clock.advance(900);
    scene.live.pause();
    scene.clock.advance(60_000);
    scene.live.resume();
    scene.clock.advance(999);
    expect(scene.told).toEqual([]);
    scene.clock.advance(1);
    expect(scene.told).toEqual([["closing", 1008, "", "us"]]);
    expect(scene.endWithin(1_000).error).toEqual(messageStalled(1_000));
  });

  it("is over for what was kept when the stream is gone", () => {
    let isPausing = true;
    scene.onMessageCall = () => isPausing && scene.live.pause();
    scene.receive(textFrame("1"), textFrame("2"), closeFrame(1001, "bye"));
    scene.transport.destroy();
    scene.onLastMessagesCall = () => (isPausing = false);
    const end = scene.endWithin(0);
    expect(scene.messages).toEqual(["1", "2"]);
    expect(scene.told).toEqual([["closing", 1001, "bye", "peer"]]);
    expect(end).toMatchObject({ initiatedBy: "peer", closeReceived: { code: 1001, reason: "bye" } });
    // The answer was made, and never left.
    expect(end.closeSent).toBeUndefined();
    scene.clock.advance(60_000);
    expect(scene.ends.length).toBe(1);
  });
});

describe("our close", () => {
  const close = (): void => scene.live.close({ code: 1000, reason: "done" });

  it("goes through: Close, the peer's Close, the end of our side, that of the peer's", () => {
    close();
    expect([scene.told, scene.live.isClosing]).toEqual([[["closing", 1000, "done", "us"]], true]);
    scene.clock.advance(0);
    expect(words()).toEqual(["close 1000"]);
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
    expect(scene.told.length).toBe(1);
  });

  it("goes behind all that was accepted: messages above the mark and a Blob", async () => {
    begin({ highWaterMark: 100, lowWaterMark: 50 });
    scene.peer.takesWrites = false;
    send("x".repeat(200));
    send("above");
    const blob = new PendingMessage({}, 4, () => Promise.resolve("blob"));
    void scene.live.send(blob, undefined);
    send("behind");
    close();
    await scene.clock.advanceAsync(0);
    scene.peer.takesWrites = true;
    scene.peer.take();
    await scene.clock.advanceAsync(0);
    expect(words()).toEqual(["200 bytes", "above", "blob", "behind", "close 1000"]);
  });

  it.each(["a Blob that cannot be read", "a message that is withdrawn"])(
    "is not held up by %s",
    async (what) => {
      let fail = (_error: Error): void => undefined;
      const read = (): Promise<never> =>
        new Promise((_resolve, reject) => {
          fail = reject;
          void never().then(() => reject(new Error("over")));
        });
      const controller = new AbortController();
      const options = { signal: controller.signal };
      const sending = errorOf(scene.live.send(new PendingMessage({}, 4, read), options));
      close();
      await scene.clock.advanceAsync(0);
      expect(words()).toEqual([]);
      if (what.startsWith("a Blob")) fail(new Error("file gone"));
      else controller.abort(new Error("file gone"));
      expect(await sending).toEqual(new Error("file gone"));
      await scene.clock.advanceAsync(0);
      expect(words()).toEqual(["close 1000"]);
    },
  );

  it("is one, however often it is asked for", () => {
    close();
    scene.live.close({ code: 1001, reason: "" });
    scene.clock.advance(0);
    expect(words()).toEqual(["close 1000"]);
    expect(scene.told.length).toBe(1);
  });

  it("lets nothing be sent behind it", () => {
    close();
    expect(() => scene.live.send("late", undefined)).toThrow(/connection is closing/);
    expect(() => scene.live.pong(Buffer.alloc(0))).toThrow(/connection is closing/);
  });

  it("is given closeTimeout, from the call on", async () => {
    const { message } = await stalled();
    close();
    const end = scene.endWithin(5_000);
    expect(scene.clock.now()).toBe(5_000);
    expect(end).toMatchObject({ initiatedBy: "us", closeSent: undefined, closeReceived: undefined });
    expect(end.error).toBeInstanceOf(TimeoutError);
    expect(end.error?.message).toContain("did not answer our Close in the 5000 ms");
    expect(end.unsent).toEqual(unsentOf(message));
  });

  /** A Blob that is never read stands before the Close. */
  async function stalled(): Promise<{ message: PendingMessage }> {
    const message = new PendingMessage({}, 4, () => never());
    scene.live.send(message, undefined).catch(() => undefined);
    await promisesSettled();
    return { message };
  }

  it("is given closeTimeout again with each progress of a refused write, and ten times that at most", () => {
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

  it("takes no progress from writes that the kernel takes at once", async () => {
    await stalled();
    close();
    for (let round = 1; round < 5; round++) {
      scene.clock.advance(1_000);
      scene.receive(pingFrame(String(round)));
    }
    expect(words()).toEqual(["pong 1", "pong 2", "pong 3", "pong 4"]);
    expect(scene.endWithin(1_000).endedAt).toBe(5_000);
  });

  it("takes no progress from what the peer sends", () => {
    close();
    for (let round = 0; round < 4; round++) {
      scene.clock.advance(1_000);
      scene.receive(textFrame("still here"));
    }
    expect(scene.endWithin(1_000).endedAt).toBe(5_000);
  });

  it("does not wait for a peer that has sent its Close and does not end", () => {
    close();
    scene.clock.advance(100);
    scene.receive(closeFrame(1000));
    scene.clock.advance(999);
    expect(scene.ends).toEqual([]);
    expect(scene.endWithin(1)).toMatchObject({ endedAt: 1_100, error: undefined });
  });

  it("ends by the end of the peer's stream, without its Close", () => {
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

  it("that crosses the peer's is one closing handshake", () => {
    close();
    scene.receive(closeFrame(1001));
    expect(words()).toEqual(["close 1000"]);
    expect(scene.told).toEqual([["closing", 1000, "done", "us"]]);
    scene.peer.end();
    expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "us", closeReceived: { code: 1001 } });
  });

  it("does not mind a reset behind both Closes", () => {
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
  ])("is answered in kind: %o", (bytes, received, answer) => {
    scene.receive(textFrame("last"), bytes);
    expect(scene.messages).toEqual(["last"]);
    expect(scene.told).toEqual([["closing", received.code, received.reason, "peer"]]);
    expect([words(), scene.hasEnded, scene.live.isClosing]).toEqual([[answer], true, true]);
    scene.peer.end();
    expect(scene.endWithin(0)).toMatchObject({
      ...{ initiatedBy: "peer", phase: "closing", closeReceived: received, error: undefined },
      closeSent: { code: received.code, reason: "" },
    });
  });

  it("leaves what waits unsent", () => {
    begin({ highWaterMark: 10, lowWaterMark: 0 });
    scene.peer.takesWrites = false;
    send("x".repeat(20));
    send("waits");
    scene.receive(closeFrame(1000));
    scene.peer.take();
    scene.peer.takesWrites = true;
    scene.clock.advance(0);
    expect(words()).toEqual(["x".repeat(20), "close 1000"]);
    scene.peer.end();
    expect(scene.endWithin(0).unsent).toEqual(unsentOf("waits"));
  });

  it("is given a second by a peer that does not end", () => {
    scene.receive(closeFrame(1000));
    expect(scene.endWithin(1_000)).toMatchObject({ endedAt: 1_000, initiatedBy: "peer", error: undefined });
  });

  it("is given closeTimeout where the peer does not take our answer", () => {
    scene.peer.takesWrites = false;
    send("in the way");
    scene.clock.advance(0);
    scene.receive(closeFrame(1000));
    const end = scene.endWithin(5_000);
    expect(end).toMatchObject({ endedAt: 5_000, initiatedBy: "peer", closeSent: undefined });
    expect(end.error?.message).toContain("did not read our Close in the 5000 ms");
  });

  it("that comes with the end of its stream is in good order", () => {
    scene.peer.send(closeFrame(1000));
    scene.peer.end();
    expect(scene.endWithin(0)).toMatchObject({
      closeReceived: { code: 1000 },
      closeSent: { code: 1000 },
      error: undefined,
    });
  });

  it("makes a close() of ours do nothing", () => {
    scene.receive(closeFrame(1001));
    scene.live.close({ code: 1000, reason: "" });
    expect(scene.told.length).toBe(1);
    scene.peer.end();
    expect(scene.endWithin(0).initiatedBy).toBe("peer");
  });
});

describe("a failure", () => {
  it.each([
    ["a frame with RSV1", textFrame("x", { rsv1: true }), "UNEXPECTED_RSV", 1002],
    ["a message over the limit", frame({ opcode: 2, announced: 2_000_000 }), "MESSAGE_TOO_BIG", 1009],
    ["text that is no UTF-8", textFrame(Uint8Array.of(0xff)), "INVALID_UTF8", 1007],
    ["a Close frame of one byte", frame({ opcode: 8, payload: "x" }), "INVALID_CLOSE", 1002],
  ])("by %s sends its code, delivers what came before, and ends", (_what, bytes, code, closeCode) => {
    scene.receive(textFrame("before"), bytes, textFrame("behind"));
    expect(scene.messages).toEqual(["before"]);
    expect(scene.told).toEqual([["closing", closeCode, "", "us"]]);
    expect([words(), scene.hasEnded]).toEqual([[`close ${closeCode}`], true]);
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
  });

  it("behind our close is not told as another closing", () => {
    scene.live.close({ code: 1000, reason: "" });
    scene.receive(textFrame("x", { rsv1: true }));
    expect(scene.told).toEqual([["closing", 1000, "", "us"]]);
    expect(words()).toEqual(["close 1000"]);
    const end = scene.endWithin(1_000);
    expect(end).toMatchObject({ phase: "closing", closeSent: { code: 1000 } });
    expect(end.error).toMatchObject({ code: "UNEXPECTED_RSV" });
  });

  it("that we find ourselves goes behind what was accepted", () => {
    send("before");
    scene.live.fail(messageStalled(5));
    scene.clock.advance(0);
    expect(words()).toEqual(["before", "close 1008"]);
    scene.live.fail(messageStalled(6));
    expect(scene.endWithin(1_000).error).toEqual(messageStalled(5));
  });
});

describe("the end of the stream", () => {
  it.each([
    ["a reset", () => scene.peer.reset(), { code: "ECONNRESET" }],
    ["an end", () => scene.peer.end(), undefined],
  ])("by %s without a Close is the network's", (_what, act, error) => {
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

  it("is not waited for any more by anyone", () => {
    // With its header it fills three writes to the last byte.
    const gone = scene.live.send(Buffer.alloc(3 * 65_536 - 14), undefined);
    scene.peer.reset();
    scene.endWithin(0);
    expect([scene.live.bufferedAmount, scene.live.isClosing]).toEqual([0, true]);
    return expect(errorOf(gone)).resolves.toBeDefined();
  });
});

describe("terminate", () => {
  it("drops the connection at once", () => {
    send("never");
    scene.live.terminate();
    expect(scene.live.isClosing).toBe(true);
    scene.live.close({ code: 1000, reason: "" });
    const end = scene.endWithin(0);
    expect(end).toMatchObject({ initiatedBy: "us", phase: "open", closeSent: undefined });
    expect(end.unsent).toEqual(unsentOf("never"));
    expect([words(), scene.told]).toEqual([[], []]);
  });

  it("from inside a message is the last of it, whatever came in the same read", () => {
    scene.onMessageCall = () => scene.live.terminate();
    scene.receive(textFrame("1"), textFrame("2"), closeFrame(1000));
    expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "us", closeReceived: undefined });
    expect(scene.messages).toEqual(["1"]);
  });

  it("cuts a closing handshake short", () => {
    scene.receive(closeFrame(1001));
    scene.live.terminate();
    expect(scene.endWithin(0)).toMatchObject({ initiatedBy: "peer", endedAt: 0, error: undefined });
  });
});

describe("giving up", () => {
  const dead = heartbeatTimedOut(20_000);

  it("drops a link that is dead, and says by what", () => {
    send("never");
    scene.live.giveUp(dead);
    const end = scene.endWithin(0);
    expect(end).toMatchObject({ initiatedBy: "network", phase: "open", error: dead });
    expect([end.unsent, words()]).toEqual([unsentOf("never"), []]);
  });

  it("tells what has come by then", () => {
    scene.onMessageCall = () => scene.live.pause();
    scene.receive(textFrame("1"), textFrame("2"));
    expect(scene.messages).toEqual(["1"]);
    scene.live.giveUp(dead);
    expect(scene.endWithin(0).error).toBe(dead);
    expect(scene.messages).toEqual(["1", "2"]);
  });
});

describe("signs of life", () => {
  it("are the bytes that come", () => {
    scene.clock.advance(5);
    expect([scene.live.openedAt, scene.live.lastLifeAt, scene.live.lastReceivedAt]).toEqual([0, 0, 0]);
    scene.receive(textFrame("1"));
    expect([scene.live.lastLifeAt, scene.live.lastReceivedAt]).toEqual([5, 5]);
  });

  it("are bytes taken of a write that was refused", () => {
    scene.peer.takesWrites = false;
    send("a");
    scene.clock.advance(0);
    scene.clock.advance(0);
    expect(scene.live.stuckSince).toBe(0);
    scene.clock.advance(5);
    scene.peer.take();
    scene.clock.advance(0);
    expect([scene.live.lastLifeAt, scene.live.lastReceivedAt, scene.live.stuckSince]).toEqual([
      5,
      0,
      undefined,
    ]);
  });

  it("are counted in answered pings", () => {
    scene.live.sendHeartbeatPing(Buffer.from("1"));
    scene.live.sendHeartbeatPing(Buffer.from("2"));
    scene.receive(pongFrame("1"));
    expect(words()).toEqual(["ping 1", "ping 2"]);
    expect(scene.live.answeredPings).toBe(1);
    scene.peer.reset();
    expect(scene.endWithin(0)).toMatchObject({ unansweredPings: 1, answeredPings: 1 });
  });
});

describe("messages with an owner", () => {
  it("come back with their tokens, and their promises resolve", async () => {
    begin({ highWaterMark: 10, lowWaterMark: 0 });
    scene.peer.takesWrites = false;
    send("taken by no one");
    scene.clock.advance(0);
    const sending = scene.live.send("first", undefined, 1);
    scene.live.sendAccepted("second", undefined, 2);
    expect(scene.live.trySend("third", undefined, 3)).toBe(false);
    scene.peer.reset();
    expect(scene.endWithin(0).unsent).toEqual([
      { data: "first", token: 1 },
      { data: "second", token: 2 },
      { data: "third", token: 3 },
    ]);
    expect(await errorOf(sending)).toBe("no error");
  });

  it("that are withdrawn are told", () => {
    begin({ highWaterMark: 10, lowWaterMark: 0 });
    send("above the mark");
    scene.live.send("late", { timeout: 5 }, "token").catch(() => undefined);
    scene.peer.takesWrites = false;
    scene.clock.advance(0);
    scene.live.send("later", { timeout: 5 }, "another").catch(() => undefined);
    scene.clock.advance(5);
    expect(scene.told.slice(-2)).toEqual([
      ["withdrawn", "another"],
      ["refused", expect.any(TimeoutError)],
    ]);
  });
});

describe("taking back", () => {
  it("gives what has not begun to leave, and sends the rest of what has", async () => {
    begin({ highWaterMark: 1e6, maxBufferedAmount: 2e6 });
    scene.peer.takesWrites = false;
    const large = "1".repeat(100_000);
    send(large);
    scene.clock.advance(0);
    send("2");
    const sending = scene.live.send("3", undefined, "token");
    const flush = scene.live.flush(undefined);
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

  it("takes away what a ping would have spoken for", () => {
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

describe("what was sent when the connection breaks", () => {
  /** Frames of 66,014, 8, 8, 136 and 65,550 bytes: in segments of 64 KiB some stand in two or three. */
  const messages = ["1".repeat(66_000), "22", "33", "4".repeat(128), Buffer.alloc(65_536, 5), "66"];
  const sizes = [66_014, 8, 8, 136, 65_550, 8];

  /** The kernel takes `count` writes, and refuses the next. */
  function cutBehind(count: number, confirmed = 0): void {
    begin({ highWaterMark: 1e6, maxBufferedAmount: 2e6 });
    scene.peer.takesWrites = false;
    for (const [index, message] of messages.entries()) {
      if (index === confirmed && confirmed > 0) {
        // All of it leaves before the ping, so that its pong speaks for it.
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
    "with %i writes taken, is unsent from the first message that has not begun to leave",
    (count) => {
      cutBehind(count);
      const { unsent, uncertainCount } = scene.endWithin(0);
      const handed = scene.peer.received.length + scene.peer.waitingBytes;
      let begun = 0;
      for (let at = 0; begun < messages.length && at < handed; at += sizes[begun]!, begun++);
      expect(unsent).toEqual(unsentOf(...messages.slice(begun)));
      expect(uncertainCount).toBe(begun);
    },
  );

  it.each([1, 3, 5])("is certain for %i messages before a ping whose pong came", (confirmed) => {
    cutBehind(0, confirmed);
    const { unsent, uncertainCount } = scene.endWithin(0);
    expect(unsent.length + uncertainCount).toBe(messages.length - confirmed);
    expect(unsent).toEqual(unsentOf(...messages.slice(messages.length - unsent.length)));
  });

  it("is all unsent before the end of the tick", () => {
    send("a");
    send("b");
    scene.transport.destroy();
    scene.peer.reset();
    expect(scene.ends).toEqual([]);
    scene.live.streamClosed(undefined);
    expect(scene.ends[0]).toMatchObject({ unsent: unsentOf("a", "b"), uncertainCount: 0 });
  });

  it("has what waits above the mark behind what was framed", () => {
    begin({ highWaterMark: 10, lowWaterMark: 0 });
    scene.peer.takesWrites = false;
    send("first, and taken by no one");
    scene.clock.advance(0);
    send("second");
    const blob = new PendingMessage({ name: "blob" }, 4, () => never());
    scene.live.send(blob, undefined).catch(() => undefined);
    scene.peer.reset();
    expect(scene.endWithin(0)).toMatchObject({
      unsent: unsentOf("second", blob),
      uncertainCount: 1,
    });
  });

  it("gives compressed messages as they were given", () => {
    begin({ extension: deflateOffer({}).agree([]) });
    scene.peer.takesWrites = false;
    send("x");
    scene.clock.advance(0);
    send("y".repeat(300));
    scene.peer.reset();
    expect(scene.endWithin(0)).toMatchObject({ unsent: unsentOf("y".repeat(300)), uncertainCount: 1 });
  });
});

describe("what is uncertain after our own close", () => {
  function sendAndClose(code = 1000): void {
    for (const text of ["1", "2", "3"]) send(text);
    scene.live.close({ code, reason: "" });
  }

  it.each([1000, 1001, 4000])("is nothing where the peer echoes our code %i", (code) => {
    sendAndClose(code);
    scene.clock.advance(0);
    scene.receive(closeFrame(code));
    scene.peer.end();
    expect(scene.endWithin(0)).toMatchObject({ unsent: [], uncertainCount: 0 });
  });

  it.each([
    ["another code", closeFrame(1001)],
    ["no code", closeFrame()],
  ])("is what no pong has confirmed, where the peer answers with %s", (_, answer) => {
    sendAndClose();
    scene.clock.advance(0);
    scene.receive(answer);
    scene.peer.end();
    expect(scene.endWithin(0).uncertainCount).toBe(3);
  });

  it.each(["a reset", "the end of the stream"])("is all of it where %s comes before the answer", (how) => {
    sendAndClose();
    scene.clock.advance(0);
    if (how === "a reset") scene.peer.reset();
    else scene.peer.end();
    expect(scene.endWithin(0).uncertainCount).toBe(3);
  });

  it("is all of it where the peer's Close comes before ours is written", () => {
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

  it("is all of it where the peer's Close came before ours, and was kept by a pause", () => {
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

  it("is all of it where reading was paused when our Close was written: its answer may have come before", () => {
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

  it("is all of it where the peer closes", () => {
    send("1");
    scene.clock.advance(0);
    scene.receive(closeFrame(1000));
    scene.peer.end();
    expect(scene.endWithin(1_000).uncertainCount).toBe(1);
  });
});

describe("the memory of unsent output", () => {
  /** Sends enough that the pool has its wide segments, and then what nobody takes. */
  function fillUntaken(): () => number {
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
    "returns to the pool once the stream is closed, and not while the kernel may read it: %s",
    (how) => {
      const freeWide = fillUntaken();
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

  it("of control frames returns too, where no message was ever sent", () => {
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

describe("messages on loan", () => {
  it("come as such from the next read on, while its owner lends", () => {
    scene.receive(textFrame("1"));
    scene.isLending = true;
    scene.receive(textFrame("2"), textFrame("3"));
    scene.isLending = false;
    scene.receive(textFrame("4"));
    expect(scene.messages).toEqual(["1", "4"]);
    expect(scene.told).toEqual([
      ["borrowed", "2", false],
      ["borrowed", "3", false],
    ]);
    scene.live.terminate();
    scene.endWithin(0);
  });
});

describe("holding the process", () => {
  it("is the socket's part, while it is open", () => {
    expect(scene.clock.isHeld).toBe(true);
    scene.live.unref();
    expect(scene.clock.isHeld).toBe(false);
    scene.live.ref();
    expect(scene.clock.isHeld).toBe(true);
  });

  it("is not the part of a closing handshake where the connection is not to hold it", () => {
    scene.live.unref();
    scene.live.close({ code: 1000, reason: "" });
    expect(scene.clock.isHeld).toBe(false);
    scene.receive(closeFrame(1000));
    expect(scene.clock.isHeld).toBe(false);
    expect(scene.endWithin(1_000).error).toBeUndefined();
  });
});
