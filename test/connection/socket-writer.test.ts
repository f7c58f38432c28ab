import { beforeEach, describe, expect, it } from "vitest";
import { SocketWriter } from "../../src/connection/socket-writer.js";
import type { Runtime } from "../../src/runtime/runtime.js";
import type { Transport, TransportTarget } from "../../src/runtime/transport.js";
import { ProtocolEnd, testResources } from "../support/protocol-end.js";
import { RecordingHandler } from "../support/recording-handler.js";
import type { VirtualPeer } from "../support/virtual-peer.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { readFrames } from "../support/wire.js";

let clock: VirtualRuntime;
let peer: VirtualPeer;
let writes: Buffer[];
let end: ProtocolEnd;
let writer: SocketWriter;
let progress: boolean[];
let onProgress: (() => void) | undefined;

const target: TransportTarget = {
  ...{ url: "ws://feed.test/", host: "10.0.0.1", port: 80, isSecure: false, noDelay: true, keepAlive: false },
  signal: new AbortController().signal,
  readBuffer: Buffer.alloc(1_024),
};

beforeEach(() => {
  clock = new VirtualRuntime();
  clock.openTransport(target, new RecordingHandler());
  peer = clock.peers[0]!;
  peer.accept();
  clock.advance(0);
  writes = [];
  peer.onData = (bytes) => writes.push(bytes);
  begin({});
});

function begin(options: ConstructorParameters<typeof ProtocolEnd>[0]): void {
  end = new ProtocolEnd(options);
  progress = [];
  onProgress = undefined;
  writer = new SocketWriter(end.connection, peer.transport, clock, {
    onProgress: (wasRefused) => {
      progress.push(wasRefused);
      onProgress?.();
    },
  });
}

function send(text: string): void {
  end.connection.text(text);
  writer.wake();
}

const texts = (): string[] => readFrames(peer.received).map(({ payload }) => payload.toString());

describe("SocketWriter", () => {
  it("writes all messages of one tick together at its end", () => {
    for (const text of ["a", "b", "c"]) send(text);
    expect(peer.received.length).toBe(0);
    clock.advance(0);
    expect(writes.length).toBe(1);
    expect(texts()).toEqual(["a", "b", "c"]);
    expect(progress).toEqual([false]);
  });

  describe("after ticks with one message each", () => {
    function sendEach(count: number): void {
      for (let left = count; left > 0; left--) {
        send("a");
        clock.advance(0);
      }
      progress = [];
    }

    it("writes the next 16 messages immediately and every 17th at the end of its tick", () => {
      sendEach(16);
      const waits: number[] = [];
      for (let count = 0; count < 36; count++) {
        send("b");
        if (progress.length === count) waits.push(count);
        clock.advance(0);
      }
      expect(waits).toEqual([16, 33]);
      expect(progress.length).toBe(36);
    });

    it("writes 16 messages of a burst immediately, the rest together, and the next burst together", () => {
      sendEach(16);
      for (let count = 0; count < 100; count++) send(String(count));
      expect(progress.length).toBe(16);
      clock.advance(0);
      expect(progress.length).toBe(17);
      for (let count = 100; count < 200; count++) send(String(count));
      clock.advance(0);
      expect(progress.length).toBe(18);
      expect(texts().slice(16)).toEqual(Array.from({ length: 200 }, (_, count) => String(count)));
    });

    it.each([15, 32])("waits for the end of a tick with two messages after %i such ticks", (count) => {
      sendEach(count);
      for (const text of ["a", "b"]) send(text);
      clock.advance(0);
      send("c");
      expect(progress).toEqual([false]);
      clock.advance(0);
      sendEach(15);
      send("d");
      expect(progress).toEqual([false]);
    });

    it("writes nothing if nothing was sent", () => {
      sendEach(16);
      writer.wake();
      expect(progress).toEqual([]);
      send("b");
      expect(progress).toEqual([false]);
    });
  });

  it("writes nothing without output", () => {
    writer.wake();
    writer.flush();
    clock.advance(0);
    expect([writes, progress, writer.lastWrittenAt]).toEqual([[], [], undefined]);
  });

  it("writes immediately when the output fills a write", () => {
    send("x".repeat(60_000));
    expect(peer.received.length).toBe(0);
    send("y".repeat(5_528));
    expect(peer.received.length).toBe(60_008);
    send("z");
    clock.advance(0);
    expect(writes.map(({ length }) => length)).toEqual([60_008, 5_543]);
    expect(progress).toEqual([false, false]);
  });

  it("writes a large message in pieces of at most 64 KiB", () => {
    send("x".repeat(300_000));
    clock.advance(0);
    expect(writes.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 65_536, 37_870]);
    expect(texts()).toEqual(["x".repeat(300_000)]);
  });

  describe("the size of a write", () => {
    const kibibyte = 1024;

    /** Sends 1 MiB first: after that, segments are adjacent in memory that is masked faster. */
    beforeEach(() => {
      const resources = testResources();
      const before = new ProtocolEnd({ resources }).connection;
      before.binary(Buffer.alloc(1024 * kibibyte));
      while (before.take() !== undefined) before.written();
      begin({ resources });
    });

    function sendKibibytes(kibibytes: number): void {
      end.connection.binary(Buffer.alloc(kibibytes * kibibyte - 14, 7));
      writer.wake();
    }

    function sizes(): number[] {
      return writes.splice(0).map(({ length }) => length / kibibyte);
    }

    it("grows to a quarter of the bytes that the kernel accepted in one tick, up to 256 KiB", () => {
      sendKibibytes(1024);
      clock.advance(0);
      expect(sizes()).toEqual([...Array<number>(8).fill(64), 128, 128, 192, 64]);
      sendKibibytes(1024);
      clock.advance(0);
      expect(sizes()).toEqual([256, 256, 256, 256]);
      const payloads = readFrames(peer.received).map(({ payload }) => payload);
      expect(payloads.map(({ length }) => length)).toEqual([1024 * kibibyte - 14, 1024 * kibibyte - 14]);
      expect(payloads.every((payload) => payload.every((byte) => byte === 7))).toBe(true);
      expect(end.connection.bufferedSize).toBe(0);
    });

    it.each([
      [64 * kibibyte, [64 * kibibyte + 14]],
      [68 * kibibyte - 14, [68 * kibibyte]],
      [68 * kibibyte - 13, [64 * kibibyte, 4 * kibibyte + 1]],
    ])("exceeds the limit by up to 4 KiB at the end of a message of %i bytes", (size, expected) => {
      end.connection.binary(Buffer.alloc(size, 7));
      writer.wake();
      clock.advance(0);
      expect(writes.map(({ length }) => length)).toEqual(expected);
      expect(readFrames(peer.received).map(({ payload }) => payload)).toEqual([Buffer.alloc(size, 7)]);
    });

    it("stays at 64 KiB if the kernel accepts less than 512 KiB per tick", () => {
      for (let count = 0; count < 20; count++) {
        sendKibibytes(448);
        clock.advance(0);
      }
      expect(sizes()).toEqual(Array(140).fill(64));
    });

    it("stays at 64 KiB if the kernel accepts one write at a time", () => {
      peer.takesWrites = false;
      sendKibibytes(1024);
      clock.advance(0);
      for (let count = 0; count < 16; count++) {
        expect(peer.waitingBytes).toBe(64 * kibibyte);
        peer.take();
        clock.advance(0);
      }
      expect(sizes()).toEqual(Array(16).fill(64));
    });
  });

  describe("a write that the kernel refuses", () => {
    beforeEach(() => (peer.takesWrites = false));

    it("delays all later output", () => {
      send("a");
      clock.advance(0);
      send("b");
      send("x".repeat(70_000));
      clock.advance(0);
      expect([peer.waitingBytes, peer.received.length, progress]).toEqual([7, 0, []]);
      peer.takesWrites = true;
      peer.take();
      clock.advance(0);
      expect(progress).toEqual([true, false]);
      expect(texts()).toEqual(["a", "b", "x".repeat(70_000)]);
    });

    it("is reported as progress when it is accepted", () => {
      send("a");
      clock.advance(0);
      peer.take(3);
      clock.advance(0);
      expect(progress).toEqual([]);
      peer.take();
      clock.advance(0);
      expect(progress).toEqual([true]);
      expect(end.connection.bufferedSize).toBe(0);
    });

    it("is counted when the kernel has accepted it", () => {
      send("abc");
      clock.advance(0);
      expect(writer.bytesWritten).toBe(0);
      peer.take();
      clock.advance(0);
      expect(writer.bytesWritten).toBe(9);
    });

    it("is not reported after stop()", () => {
      send("a");
      clock.advance(0);
      writer.stop();
      peer.take();
      clock.advance(0);
      expect([progress, writer.bytesWritten]).toEqual([[], 0]);
    });
  });

  describe("lastProgressAt", () => {
    /** Passes two turns of the event loop. */
    const outlast = (): void => {
      clock.advance(0);
      clock.advance(0);
    };

    beforeEach(() => (peer.takesWrites = false));

    it("is set when the kernel accepts a write that was blocked", () => {
      clock.advance(10);
      send("a");
      outlast();
      expect([writer.blockedSince, writer.lastProgressAt]).toEqual([10, undefined]);
      clock.advance(20);
      peer.take();
      clock.advance(0);
      expect([writer.blockedSince, writer.lastProgressAt]).toEqual([undefined, 30]);
    });

    it("is not set if the kernel accepts everything immediately", () => {
      peer.takesWrites = true;
      send("a");
      outlast();
      expect([writer.blockedSince, writer.lastProgressAt]).toEqual([undefined, undefined]);
    });

    it("is set by each piece of a large message", () => {
      send("x".repeat(100_000));
      outlast();
      clock.advance(5);
      peer.take();
      outlast();
      expect([writer.blockedSince, writer.lastProgressAt]).toEqual([5, 5]);
      clock.advance(5);
      peer.take();
      clock.advance(0);
      expect([writer.blockedSince, writer.lastProgressAt]).toEqual([undefined, 10]);
    });

    it("is not set after stop()", () => {
      send("a");
      clock.advance(0);
      writer.stop();
      outlast();
      peer.take();
      outlast();
      expect(writer.lastProgressAt).toBeUndefined();
    });
  });

  describe("a write that is reported one turn late, as by TLS", () => {
    const turns: (() => void)[] = [];
    const written: (() => void)[] = [];
    let now: number;
    let late: SocketWriter;

    beforeEach(() => {
      now = 0;
      turns.length = 0;
      written.length = 0;
      const runtime: Runtime = Object.create(clock, {
        now: { value: () => now },
        afterTurn: { value: (run: () => void) => turns.push(run) },
      }) as VirtualRuntime;
      const refuse = (_bytes: Uint8Array, onWritten: () => void): boolean => {
        written.push(onWritten);
        return false;
      };
      const transport = { write: refuse } as unknown as Transport;
      late = new SocketWriter(end.connection, transport, runtime, { onProgress: () => undefined });
    });

    const turn = (): void => {
      for (const run of turns.splice(0)) run();
    };

    function write(text: string): void {
      end.connection.text(text);
      late.flush();
    }

    it("does not set lastProgressAt", () => {
      for (const text of ["a", "b", "c"]) {
        write(text);
        now += 1;
        turn();
        written.shift()!();
      }
      for (let count = 0; count < 5; count++) turn();
      expect([late.lastProgressAt, late.blockedSince, turns.length]).toEqual([undefined, undefined, 0]);
    });

    it("does not hide a later write that is blocked", () => {
      write("a");
      turn();
      written.shift()!();
      now = 7;
      write("b");
      for (let count = 0; count < 3; count++) turn();
      now = 9;
      written.shift()!();
      expect([late.lastProgressAt, turns.length]).toEqual([9, 0]);
    });
  });

  it("writes messages that a progress listener sends", () => {
    onProgress = () => {
      if (progress.length < 3) send(String(progress.length));
    };
    send("0");
    clock.advance(0);
    expect(texts()).toEqual(["0", "1", "2"]);
  });

  it("counts written bytes and records the time of the last write", () => {
    clock.advance(50);
    send("abc");
    clock.advance(0);
    clock.advance(10);
    expect([writer.bytesWritten, writer.lastWrittenAt]).toEqual([9, 50]);
  });

  it("writes nothing after stop()", () => {
    send("a");
    writer.stop();
    send("x".repeat(70_000));
    clock.advance(0);
    writer.flush();
    expect([peer.received.length, progress, writer.bytesWritten]).toEqual([0, [], 0]);
  });
});
