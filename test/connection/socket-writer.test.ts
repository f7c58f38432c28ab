import { beforeEach, describe, expect, it } from "vitest";
import { SocketWriter } from "../../src/connection/socket-writer.js";
import type { Transport, TransportTarget } from "../../src/transport/transport.js";
import { ProtocolEnd } from "../support/protocol-end.js";
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
  const transport: Transport = clock.openTransport(target, new RecordingHandler());
  peer = clock.peers[0]!;
  peer.accept();
  clock.advance(0);
  writes = [];
  peer.onData = (bytes) => writes.push(bytes);
  end = new ProtocolEnd();
  progress = [];
  onProgress = undefined;
  writer = new SocketWriter(end.connection, transport, clock, (wasRefused) => {
    progress.push(wasRefused);
    onProgress?.();
  });
});

function send(text: string): void {
  end.connection.text(text);
  writer.wake();
}

const texts = (): string[] => readFrames(peer.received).map(({ payload }) => payload.toString());

it("writes all of one tick at once, at its end", () => {
  for (const text of ["a", "b", "c"]) send(text);
  expect(peer.received.length).toBe(0);
  clock.advance(0);
  expect(writes.length).toBe(1);
  expect(texts()).toEqual(["a", "b", "c"]);
  expect(progress).toEqual([false]);
});

it("writes nothing where there is nothing", () => {
  writer.wake();
  writer.flush();
  clock.advance(0);
  expect([writes, progress, writer.lastWrittenAt]).toEqual([[], [], undefined]);
});

it("does not wait for the end of the tick with 64 KiB in hand", () => {
  send("x".repeat(60_000));
  expect(peer.received.length).toBe(0);
  send("y".repeat(5_528));
  expect(peer.received.length).toBe(65_544);
  clock.advance(0);
  expect(progress).toEqual([false]);
});

it("writes a large message in pieces of at most 64 KiB, each as soon as the kernel takes it", () => {
  send("x".repeat(300_000));
  clock.advance(0);
  expect(writes.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 65_536, 37_870]);
  expect(texts()).toEqual(["x".repeat(300_000)]);
});

describe("a write that the kernel refuses", () => {
  beforeEach(() => (peer.takesWrites = false));

  it("holds back all that comes behind it", () => {
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

  it("is progress when it is taken", () => {
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

  it("counts once it is with the kernel", () => {
    send("abc");
    clock.advance(0);
    expect(writer.bytesWritten).toBe(0);
    peer.take();
    clock.advance(0);
    expect(writer.bytesWritten).toBe(9);
  });

  it("says nothing any more when it has been stopped", () => {
    send("a");
    clock.advance(0);
    writer.stop();
    peer.take();
    clock.advance(0);
    expect([progress, writer.bytesWritten]).toEqual([[], 0]);
  });
});

it("writes what progress brings", () => {
  onProgress = () => {
    if (progress.length < 3) send(String(progress.length));
  };
  send("0");
  clock.advance(0);
  expect(texts()).toEqual(["0", "1", "2"]);
});

it("counts bytes, and knows when the last were given away", () => {
  clock.advance(50);
  send("abc");
  clock.advance(0);
  clock.advance(10);
  expect([writer.bytesWritten, writer.lastWrittenAt]).toEqual([9, 50]);
});

it("writes nothing when it has been stopped", () => {
  send("a");
  writer.stop();
  send("x".repeat(70_000));
  clock.advance(0);
  writer.flush();
  expect([peer.received.length, progress, writer.bytesWritten]).toEqual([0, [], 0]);
});
