import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TransportTarget } from "../../src/runtime/transport.js";
import { SocketTransport } from "../../src/transport/socket-transport.js";
import { Dialling, turns, type Dialled } from "../support/dialling.js";
import { readAll, type RawServer, type RawServerOptions } from "../support/raw-server.js";

interface Kind {
  readonly name: string;
  readonly server: RawServerOptions;
  readonly phases: readonly string[];
  target(server: RawServer): Partial<TransportTarget>;
}

const kinds: readonly Kind[] = [
  {
    name: "tcp",
    server: {},
    phases: ["tcp"],
    target: ({ port }) => ({ port }),
  },
  {
    name: "unix socket",
    server: { isLocal: true },
    phases: ["tcp"],
    target: ({ path }) => ({ socketPath: path }),
  },
  {
    name: "tls over tcp",
    server: { isSecure: true },
    phases: ["tcp", "tls"],
    target: ({ port, certificate }) => ({ port, isSecure: true, tls: { ca: certificate.cert } }),
  },
  {
    name: "tls over a unix socket",
    server: { isSecure: true, isLocal: true },
    phases: ["tcp", "tls"],
    target: ({ path, certificate }) => ({ socketPath: path, isSecure: true, tls: { ca: certificate.cert } }),
  },
  {
    name: "tls over a stream of the application",
    server: { isSecure: true },
    phases: ["tls"],
    target: ({ port, certificate }) => ({
      isSecure: true,
      tls: { ca: certificate.cert, socket: connect(port, "127.0.0.1") },
    }),
  },
  {
    name: "a socket of createConnection",
    server: {},
    phases: ["tcp"],
    target: ({ port }) => ({ createConnection: () => connect(port, "127.0.0.1") }),
  },
];

let dialling: Dialling;
let dialled: Dialled;
let peer: Socket;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(() => dialling.finish());

/** Bytes that differ from their neighbours, so that a lost or duplicate piece is detected. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = (index % 251) ^ (index >> 12);
  return bytes;
}

/** Fits into the kernel's buffer of any platform, and takes several reads with `severalReads`. */
const some = pattern(100_000);
const severalReads = { readBuffer: Buffer.alloc(16_384) };

async function open(kind: Kind, given: Partial<TransportTarget> = {}): Promise<void> {
  const server = await dialling.listen(kind.server);
  dialled = dialling.dial({ ...kind.target(server), ...given });
  [peer] = await Promise.all([server.socket(), dialled.handler.untilCall("open")]);
}

describe.each(kinds)("$name", (kind) => {
  it("opens, carries bytes both ways, and closes after both ends", async () => {
    await open(kind);
    const { transport, handler } = dialled;
    transport.write(Buffer.from("to the peer"), () => undefined);
    transport.end();
    expect((await readAll(peer)).toString()).toBe("to the peer");
    peer.end("to us");
    await handler.untilCall("close");
    expect(handler.calls).toEqual([...kind.phases, "open", "data", "end", "close"]);
    expect(handler.received).toBe("to us");
    expect(handler.error).toBeUndefined();
  });

  it("can write after the peer's end", async () => {
    await open(kind);
    const { transport, handler } = dialled;
    peer.end("last words");
    await handler.untilCall("end");
    transport.write(Buffer.from("heard"), () => undefined);
    transport.end();
    expect((await readAll(peer)).toString()).toBe("heard");
    await handler.untilCall("close");
    expect(handler.received).toBe("last words");
    expect(handler.error).toBeUndefined();
  });

  it("continues reading after its own end", async () => {
    await open(kind);
    const { transport, handler } = dialled;
    transport.end();
    peer.resume();
    await once(peer, "end");
    peer.write("still ");
    await handler.untilCall("data");
    peer.end("here");
    await handler.untilCall("close");
    expect(handler.received).toBe("still here");
  });

  it("emits nothing after a pause during onData, and everything including the end after resume()", async () => {
    await open(kind, severalReads);
    const { transport, handler } = dialled;
    handler.onCall = (call) => {
      if (call === "data") transport.pause();
    };
    peer.end(some);
    await once(peer, "finish");
    let reads = 0;
    while (!handler.calls.includes("end")) {
      await handler.until(() => handler.reads.length > reads || handler.calls.includes("end"));
      reads = handler.reads.length;
      await turns(3);
      expect(handler.reads).toHaveLength(reads);
      transport.resume();
    }
    expect(Buffer.concat(handler.reads).equals(some)).toBe(true);
    expect(handler.calls.slice(-2)).toEqual(["data", "end"]);
  });

  it("stays paused after resume() and pause() in the same tick", async () => {
    await open(kind, severalReads);
    const { transport, handler } = dialled;
    transport.pause();
    transport.pause();
    peer.end(some);
    await once(peer, "finish");
    transport.resume();
    transport.pause();
    await turns(20);
    expect(handler.receivedLength).toBe(0);
    expect(handler.calls).not.toContain("end");
    transport.resume();
    transport.resume();
    await handler.untilCall("end");
    expect(handler.receivedLength).toBe(some.length);
  });

  it("buffers at most one read while it is paused", async () => {
    await open(kind);
    const { transport } = dialled;
    transport.pause();
    peer.write(pattern(32 * 1024 * 1024));
    transport.resume();
    transport.pause();
    await turns(100);
    expect(peer.writableLength).toBeGreaterThan(0);
  });

  it("may be paused before it is open", async () => {
    const server = await dialling.listen(kind.server);
    const { transport, handler } = dialling.dial(kind.target(server));
    transport.pause();
    peer = await server.socket();
    await handler.untilCall("open");
    peer.end("early");
    await once(peer, "finish");
    await turns(10);
    expect(handler.received).toBe("");
    transport.resume();
    await handler.untilCall("end");
    expect(handler.received).toBe("early");
  });

  it("accepts more bytes than the kernel, and calls onWritten when the peer has read them", async () => {
    await open(kind);
    const { transport, handler } = dialled;
    const sent = pattern(16 * 1024 * 1024);
    let written = 0;
    expect(transport.write(sent, () => written++)).toBe(false);
    await turns(20);
    expect(written).toBe(0);
    transport.end();
    expect((await readAll(peer)).equals(sent)).toBe(true);
    expect(written).toBe(1);
    expect(handler.calls).not.toContain("close");
  });

  it("calls onWritten only for the write that the kernel refused", async () => {
    await open(kind);
    const { transport } = dialled;
    const written: string[] = [];
    const isTaken = transport.write(Buffer.from("small"), () => written.push("small"));
    if (!isTaken) {
      // TLS never accepts a write immediately.
      while (written.length === 0) await turns(1);
      written.length = 0;
    }
    expect(transport.write(pattern(16 * 1024 * 1024), () => written.push("large"))).toBe(false);
    await turns(20);
    expect(written).toEqual([]);
    peer.resume();
    while (written.length === 0) await turns(1);
    await turns(3);
    expect(written).toEqual(["large"]);
  });

  it.each(["now", "phase", "open", "data", "end"])("can be destroyed at: %s", async (moment) => {
    const server = await dialling.listen(kind.server);
    server.play((socket) => socket.end("data"));
    const { transport, handler } = dialling.dial(kind.target(server));
    handler.onCall = (call) => {
      if (call === moment) transport.destroy();
    };
    if (moment === "now") transport.destroy();
    expect(handler.calls).toEqual([]);
    await handler.untilCall("close");
    await turns(5);
    expect(handler.calls.at(-1)).toBe("close");
    const last = moment === "phase" ? kind.phases[0] : moment;
    expect(handler.calls.at(-2)).toBe(moment === "now" ? undefined : last);
    expect(handler.error).toBeUndefined();
    expect(transport.write(Buffer.from("late"), () => expect.unreachable())).toBe(false);
    transport.pause();
    transport.resume();
    transport.end();
    transport.ref();
    transport.unref();
    transport.destroy();
  });

  it("can be destroyed while data and end wait during a pause", async () => {
    await open(kind);
    const { transport, handler } = dialled;
    handler.onCall = (call) => {
      if (call === "data") transport.pause();
    };
    peer.end(some);
    await handler.untilCall("data");
    await turns(10);
    transport.resume();
    transport.destroy();
    await handler.untilCall("close");
    expect(handler.calls.slice(-2)).toEqual(["data", "close"]);
    expect(handler.reads).toHaveLength(1);
  });
});

it("receives bytes if the callback of `onread` is called without the socket, as Bun calls it", () => {
  const received: string[] = [];
  const ignore = (): void => undefined;
  const transport = new SocketTransport({
    onPhase: ignore,
    onOpen: ignore,
    onData: (bytes, length) => void received.push(bytes.toString("latin1", 0, length)),
    onEnd: ignore,
    onClose: ignore,
  });
  const { buffer, callback } = transport.readInto(Buffer.from("abcdef"));
  expect(Reflect.apply(callback, undefined, [4, buffer])).toBe(true);
  expect(received).toEqual(["abcd"]);
});
