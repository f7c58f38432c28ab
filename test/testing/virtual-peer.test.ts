import { describe, expect, it } from "vitest";
import type { TransportPhase, TransportTarget } from "../../src/runtime/transport.js";
import { systemError, VirtualPeer } from "../../src/testing/virtual-peer.js";
import { RecordingHandler } from "../support/recording-handler.js";

const bufferSize = 8;

/** A peer whose events run one by one, when the test says so. */
class Scene {
  readonly handler = new RecordingHandler();
  readonly events: (() => void)[] = [];
  readonly peer: VirtualPeer;
  readonly transport: VirtualPeer["transport"];
  readonly target: TransportTarget;
  closedCount = 0;

  constructor(given: Partial<TransportTarget> = {}, isRecording = true) {
    this.target = {
      url: "ws://feed.test/",
      host: "feed.test",
      port: 80,
      isSecure: false,
      noDelay: true,
      keepAlive: false,
      signal: new AbortController().signal,
      readBuffer: Buffer.alloc(bufferSize),
      ...given,
    };
    this.peer = new VirtualPeer(this.target, this.handler, {
      post: (event) => this.events.push(event),
      isRecording,
      onClosed: () => this.closedCount++,
    });
    this.transport = this.handler.watch(this.peer.transport);
  }

  /** Runs the next event. */
  step(): void {
    const event = this.events.shift();
    if (event === undefined) expect.unreachable("there is no event");
    event();
  }

  /** Runs all events, also those that they add. Returns the calls of the handler. */
  run(): readonly string[] {
    while (this.events.length > 0) this.step();
    expect(this.handler.faults).toEqual([]);
    return this.handler.calls;
  }

  /** Opens the transport and forgets the calls until then. */
  open(): this {
    this.peer.accept();
    this.run();
    this.handler.calls.length = 0;
    return this;
  }

  write(text: string, onWritten: () => void = () => expect.unreachable()): boolean {
    return this.transport.write(Buffer.from(text), onWritten);
  }
}

function opened(isRecording = true): Scene {
  return new Scene({}, isRecording).open();
}

describe("opening", () => {
  it("reports the first phase in an event, not in the constructor", () => {
    const scene = new Scene();
    expect(scene.handler.calls).toEqual([]);
    scene.step();
    expect([scene.handler.calls, scene.events]).toEqual([["dns"], []]);
  });

  it("reports each phase once", () => {
    const scene = new Scene({ isSecure: true });
    scene.peer.reach("tcp");
    scene.peer.reach("tcp");
    scene.peer.reach("dns");
    expect(scene.run()).toEqual(["dns", "tcp"]);
    scene.peer.accept();
    expect(scene.run()).toEqual(["dns", "tcp", "tls", "open"]);
  });

  it.each<TransportPhase>(["proxy", "tls"])("ignores a phase that the target does not have: %s", (phase) => {
    const scene = new Scene();
    scene.peer.reach(phase);
    expect(scene.run()).toEqual(["dns"]);
  });

  it.each([
    [{ host: "127.0.0.1" }, "tcp"],
    [{ host: "::1" }, "tcp"],
    [{ host: "1.2.3" }, "dns"],
    [{ host: "feed.test", socketPath: "/run/feed" }, "tcp"],
  ])("starts to resolve a name only if the target is one: %o", (given, phase) => {
    expect(new Scene(given).run()).toEqual([phase]);
  });

  it("opens once", () => {
    const scene = new Scene();
    scene.peer.accept();
    scene.peer.accept();
    expect(scene.run()).toEqual(["dns", "tcp", "open"]);
  });

  it("delivers bytes that were sent before it only after it", () => {
    const scene = new Scene();
    scene.peer.send("early");
    expect(scene.run()).toEqual(["dns"]);
    scene.peer.accept();
    expect(scene.run()).toEqual(["dns", "tcp", "open", "data"]);
    expect(scene.handler.received).toBe("early");
  });

  it("fails with the given error, or with ECONNREFUSED", () => {
    const error = systemError("connect", "ETIMEDOUT");
    const scene = new Scene();
    scene.peer.refuse(error);
    scene.peer.refuse();
    scene.peer.accept();
    scene.peer.reach("tcp");
    expect(scene.run()).toEqual(["dns", "close"]);
    expect(scene.handler.error).toBe(error);
    expect([scene.peer.isClosed, scene.peer.isDestroyed, scene.closedCount]).toEqual([true, false, 1]);

    const other = new Scene();
    other.peer.refuse();
    other.run();
    expect(other.handler.error).toMatchObject({ code: "ECONNREFUSED", syscall: "connect" });
  });
});

describe("reading", () => {
  it("reads once per event", () => {
    const scene = opened();
    scene.peer.send("one");
    scene.peer.send("two");
    expect(scene.handler.reads).toEqual([]);
    scene.step();
    expect(scene.handler.reads.map(String)).toEqual(["one"]);
    scene.step();
    expect(scene.handler.reads.map(String)).toEqual(["one", "two"]);
    expect(scene.events).toEqual([]);
  });

  it.each([
    [bufferSize - 1, [7]],
    [bufferSize, [8]],
    [bufferSize + 1, [8, 1]],
    [2 * bufferSize + 1, [8, 8, 1]],
  ])("divides %i bytes by the size of the read buffer", (size, lengths) => {
    const scene = opened();
    scene.peer.send(Buffer.alloc(size, "x"));
    scene.run();
    expect(scene.handler.reads.map(({ length }) => length)).toEqual(lengths);
  });

  it("copies sent bytes", () => {
    const scene = opened();
    const bytes = Buffer.from("sent");
    scene.peer.send(bytes);
    bytes.fill(0);
    scene.run();
    expect(scene.handler.received).toBe("sent");
  });

  it.each([true, false])("overwrites the read bytes afterwards only while recording: %s", (isRecording) => {
    const scene = new Scene({}, isRecording);
    scene.handler.onData = () => undefined;
    scene.open();
    scene.peer.send("abc");
    scene.run();
    const read = scene.target.readBuffer.subarray(0, 4).toString("latin1");
    expect(read).toBe(isRecording ? "\xdd\xdd\xdd\0" : "abc\0");
  });

  it("discards a posted read while the transport is paused, and reads after resume()", () => {
    const scene = opened();
    scene.peer.send("one");
    scene.transport.pause();
    scene.transport.pause();
    expect(scene.run()).toEqual([]);
    scene.transport.resume();
    scene.transport.resume();
    expect(scene.events).toHaveLength(1);
    expect(scene.run()).toEqual(["data"]);
  });

  it("delivers an error of the peer after the bytes before it, also after a pause", () => {
    const scene = opened();
    const error = systemError("read", "ETIMEDOUT");
    scene.transport.pause();
    scene.peer.send("last");
    scene.peer.reset(error);
    expect(scene.run()).toEqual([]);
    scene.transport.resume();
    expect(scene.run()).toEqual(["data", "close"]);
    expect(scene.handler.error).toBe(error);
  });
});

describe("writing", () => {
  it("is refused before the transport is open, without a record", () => {
    const scene = new Scene();
    expect(scene.write("early")).toBe(false);
    scene.open();
    scene.peer.take();
    scene.run();
    expect([scene.peer.received.toString(), scene.peer.waitingBytes]).toEqual(["", 0]);
  });

  it("passes a copy of the bytes to onData in an event", () => {
    const scene = opened();
    const data: string[] = [];
    scene.peer.onData = (bytes) => data.push(bytes.toString());
    const bytes = Buffer.from("sent");
    expect(scene.transport.write(bytes, () => expect.unreachable())).toBe(true);
    bytes.fill(0);
    expect(data).toEqual([]);
    scene.run();
    expect(data).toEqual(["sent"]);
  });

  it.each([true, false])("keeps the received bytes only while recording: %s", (isRecording) => {
    const scene = opened(isRecording);
    scene.write("one");
    scene.write("two");
    expect(scene.peer.received.toString()).toBe(isRecording ? "onetwo" : "");
  });

  it.each([
    [3, true],
    [4, true],
    [5, false],
  ])("accepts %i bytes with room for four: %s", (size, isAccepted) => {
    const scene = opened();
    scene.peer.takesWrites = false;
    scene.peer.room = 4;
    expect(scene.write("x".repeat(size))).toBe(isAccepted);
    expect(scene.peer.received).toHaveLength(isAccepted ? size : 0);
    expect([scene.peer.room, scene.peer.waitingBytes]).toEqual([
      isAccepted ? 4 - size : 4,
      isAccepted ? 0 : size,
    ]);
  });

  it("does not use the room while all writes are accepted", () => {
    const scene = opened();
    expect(scene.write("all of it")).toBe(true);
    expect(scene.peer.room).toBe(0);
  });

  it.each([
    [0, "", 6, false],
    [5, "slowl", 1, false],
    [6, "slowly", 0, true],
    [7, "slowly", 0, true],
    [undefined, "slowly", 0, true],
  ])("take(%s) accepts that many bytes of a refused write", (length, received, waiting, isWritten) => {
    const scene = opened();
    let written = 0;
    scene.peer.takesWrites = false;
    scene.write("slowly", () => written++);
    scene.peer.take(length);
    scene.run();
    expect([scene.peer.received.toString(), scene.peer.waitingBytes]).toEqual([received, waiting]);
    expect(written).toBe(isWritten ? 1 : 0);
  });

  it("can be refused again from the callback of a refused write", () => {
    const scene = opened();
    scene.peer.takesWrites = false;
    scene.write("one", () => expect(scene.write("two")).toBe(false));
    scene.peer.take();
    scene.run();
    expect([scene.peer.received.toString(), scene.peer.waitingBytes]).toEqual(["one", 3]);
  });

  it("fails in a later event after a reset, with EPIPE", () => {
    const scene = opened();
    scene.transport.pause();
    scene.peer.reset();
    expect(scene.write("lost")).toBe(false);
    expect(scene.handler.calls).toEqual([]);
    expect(scene.run()).toEqual(["close"]);
    expect(scene.handler.error).toMatchObject({ code: "EPIPE", syscall: "write" });
    expect(scene.peer.received).toHaveLength(0);
  });
});

describe("the end of the stream", () => {
  const kinds = ["client first", "peer first"] as const;

  it.each(kinds)("closes the transport without an error after both sides ended: %s", (kind) => {
    const scene = opened();
    const ends = [() => scene.transport.end(), () => scene.peer.end()];
    if (kind === "peer first") ends.reverse();
    ends[0]!();
    scene.run();
    expect(scene.peer.isClosed).toBe(false);
    ends[1]!();
    expect(scene.run()).toEqual(["end", "close"]);
    expect(scene.handler.error).toBeUndefined();
    expect(scene.closedCount).toBe(1);
  });

  it("of the client follows its refused write", () => {
    const scene = opened();
    const order: string[] = [];
    scene.peer.onData = (bytes) => order.push(bytes.toString());
    scene.peer.onEnd = () => order.push("end");
    scene.peer.takesWrites = false;
    scene.write("slowly", () => undefined);
    scene.transport.end();
    scene.peer.end();
    scene.run();
    expect([order, scene.peer.isClosed]).toEqual([[], false]);
    scene.peer.take(4);
    scene.run();
    expect([order, scene.peer.isClosed]).toEqual([["slow"], false]);
    scene.peer.take();
    expect(scene.run()).toEqual(["end", "close"]);
    expect(order).toEqual(["slow", "ly", "end"]);
  });

  it("of the client is reported once, and not after the transport closed", () => {
    const scene = opened();
    let ends = 0;
    scene.peer.onEnd = () => ends++;
    scene.transport.end();
    scene.transport.end();
    scene.run();
    expect(ends).toBe(1);

    const closed = opened();
    closed.peer.onEnd = () => expect.unreachable();
    closed.peer.reset();
    closed.run();
    closed.transport.end();
    expect(closed.run()).toEqual(["close"]);
  });
});

describe("destroy()", () => {
  it("closes in a later event, calls onDestroy and then onClose", () => {
    const scene = opened();
    const order: string[] = [];
    scene.handler.onCall = (call) => order.push(`handler: ${call}`);
    scene.peer.onDestroy = () => order.push("peer: destroy");
    scene.peer.onClose = () => order.push("peer: close");
    scene.transport.destroy();
    expect([order, scene.peer.isDestroyed, scene.peer.isClosed]).toEqual([[], true, false]);
    scene.run();
    expect(order).toEqual(["handler: close", "peer: destroy", "peer: close"]);
  });

  it("reports no error of the peer, also if that was already sent", () => {
    const scene = opened();
    scene.peer.reset();
    scene.transport.destroy();
    expect(scene.run()).toEqual(["close"]);
    expect(scene.handler.error).toBeUndefined();
  });

  it("reports no error if the peer refused before, in an event that did not run yet", () => {
    const scene = new Scene();
    scene.peer.refuse();
    scene.transport.destroy();
    expect(scene.run().at(-1)).toBe("close");
    expect(scene.handler.error).toBeUndefined();
    expect(scene.closedCount).toBe(1);
  });

  it("has no effect after the transport closed", () => {
    const scene = opened();
    scene.peer.onDestroy = () => expect.unreachable();
    scene.peer.reset();
    scene.run();
    scene.transport.destroy();
    expect(scene.run()).toEqual(["close"]);
    expect([scene.peer.isDestroyed, scene.closedCount]).toEqual([false, 1]);
  });

  it("never completes a refused write", () => {
    const scene = opened();
    scene.peer.takesWrites = false;
    scene.write("lost");
    scene.peer.take();
    scene.transport.destroy();
    scene.run();
    expect(scene.peer.received).toHaveLength(0);
  });
});

describe("isHeld", () => {
  it("is true while the transport is not closed and not unreferenced", () => {
    const scene = new Scene();
    expect(scene.peer.isHeld).toBe(true);
    scene.transport.unref();
    expect(scene.peer.isHeld).toBe(false);
    scene.transport.ref();
    expect(scene.peer.isHeld).toBe(true);
    scene.peer.refuse();
    scene.run();
    expect(scene.peer.isHeld).toBe(false);
  });
});

describe("systemError()", () => {
  it("returns an error with the properties of an error of Node", () => {
    expect(systemError("connect", "ECONNREFUSED")).toMatchObject({
      message: "connect ECONNREFUSED",
      code: "ECONNREFUSED",
      syscall: "connect",
    });
  });
});
