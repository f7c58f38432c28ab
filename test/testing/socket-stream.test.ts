import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../src/testing/byte-stream.js";
import { Listener } from "../../src/testing/socket-stream.js";

/** The server's end of a connection, with the calls of its handler. */
class Accepted {
  /** The calls in order; received bytes as text, neighbouring ones joined. */
  readonly calls: string[] = [];
  readonly stream: ByteStream;
  readonly #wake: (() => void)[] = [];

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.handler = {
      onData: (bytes) => this.#record(bytes.toString()),
      onEnd: () => this.#record("(end)"),
      onClose: () => this.#record("(close)"),
    };
  }

  get received(): string {
    return this.calls.filter((call) => !call.startsWith("(")).join("");
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.stream.write(Buffer.from(text), resolve));
  }

  #record(call: string): void {
    this.calls.push(call);
    for (const wake of this.#wake.splice(0)) wake();
  }
}

let listener: Listener;
let sockets: Socket[];
let accepted: Accepted[];
let onAccepted: () => void;

beforeEach(() => {
  [sockets, accepted, onAccepted] = [[], [], () => undefined];
  listener = new Listener((stream) => {
    accepted.push(new Accepted(stream));
    onAccepted();
  });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const { stream } of accepted) stream.reset();
  await listener.close();
});

function dial(): Socket {
  const socket = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

/** Opens a connection. Returns both ends of it. */
async function open(): Promise<[Socket, Accepted]> {
  await listener.open();
  const isAccepted = new Promise<void>((resolve) => (onAccepted = resolve));
  const socket = dial();
  await Promise.all([isAccepted, once(socket, "connect")]);
  return [socket, accepted.at(-1)!];
}

describe("Listener", () => {
  it("has the port 0 until it is opened", async () => {
    expect(listener.port).toBe(0);
    await listener.open();
    expect(listener.port).toBeGreaterThan(0);
  });

  it("keeps its port when it is opened twice, and after it was shut", async () => {
    await listener.open();
    const { port } = listener;
    await listener.open();
    expect(listener.port).toBe(port);
    listener.shut();
    listener.shut();
    await listener.open();
    expect(listener.port).toBe(port);
    await open();
  });

  it("refuses connections while it is shut, and keeps open ones", async () => {
    const [socket, { stream }] = await open();
    listener.shut();
    const [error] = (await once(dial(), "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    stream.write(Buffer.from("still open"), () => undefined);
    const [bytes] = (await once(socket, "data")) as [Buffer];
    expect(bytes.toString()).toBe("still open");
  });

  it("closes after its last connection", async () => {
    const [, server] = await open();
    let isClosed = false;
    const closing = listener.close().then(() => (isClosed = true));
    await server.write("a write takes some turns");
    expect(isClosed).toBe(false);
    server.stream.reset();
    await closing;
    expect(isClosed).toBe(true);
  });

  it("closes at once if it was never opened", async () => {
    await listener.close();
    await listener.close();
  });
});

describe("a stream on a socket", () => {
  it("passes data, the end and the close to its handler", async () => {
    const [socket, server] = await open();
    socket.resume();
    socket.end("hello");
    await server.until(() => server.calls.includes("(end)"));
    expect([server.received, server.calls.at(-1)]).toEqual(["hello", "(end)"]);
    server.stream.end();
    await server.until(() => server.calls.includes("(close)"));
    expect(server.calls.at(-1)).toBe("(close)");
  });

  it("can write after the client ended its side", async () => {
    const [socket, server] = await open();
    socket.end();
    await server.until(() => server.calls.includes("(end)"));
    server.stream.write(Buffer.from("answer"), () => server.stream.end());
    const [bytes] = (await once(socket, "data")) as [Buffer];
    expect(bytes.toString()).toBe("answer");
    await server.until(() => server.calls.includes("(close)"));
  });

  it("calls onSent after a client in the same process has read the bytes", async () => {
    const [socket, server] = await open();
    const reads: string[] = [];
    socket.on("data", (bytes) => reads.push(bytes.toString()));
    await server.write("one");
    expect(reads).toEqual(["one"]);
    await server.write("two");
    expect(reads).toEqual(["one", "two"]);
  });

  it("ends after the written bytes", async () => {
    const [socket, server] = await open();
    const reads: string[] = [];
    socket.on("data", (bytes) => reads.push(bytes.toString()));
    server.stream.write(Buffer.from("last"), () => undefined);
    server.stream.end();
    await once(socket, "end");
    expect(reads.join("")).toBe("last");
  });

  it("resets without an end of the stream", async () => {
    const [socket, server] = await open();
    socket.resume();
    socket.on("end", () => expect.unreachable());
    server.stream.reset();
    const [error] = (await once(socket, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
    await server.until(() => server.calls.includes("(close)"));
    expect(server.calls).toEqual(["(close)"]);
  });

  it("reports only the close when the client resets", async () => {
    const [socket, server] = await open();
    socket.resetAndDestroy();
    await server.until(() => server.calls.includes("(close)"));
    expect(server.calls).toEqual(["(close)"]);
  });

  it("does not call onSent if the write fails", async () => {
    const [socket, server] = await open();
    socket.resetAndDestroy();
    await server.until(() => server.calls.includes("(close)"));
    const [, other] = await open();
    server.stream.write(Buffer.from("lost"), () => expect.unreachable());
    await other.write("a later write of another connection");
  });

  it("reads nothing between stopReading() and goOnReading()", async () => {
    const [socket, server] = await open();
    server.stream.stopReading();
    await new Promise((resolve) => socket.write("kept", resolve));
    await server.write("a write takes some turns");
    expect(server.calls).toEqual([]);
    server.stream.goOnReading();
    await server.until(() => server.calls.length > 0);
    expect(server.received).toBe("kept");
  });

  it("calls back after a wait that was not cancelled", async () => {
    const [, { stream }] = await open();
    const calls: string[] = [];
    const cancel = stream.wait(1, () => calls.push("cancelled"));
    cancel();
    await new Promise<void>((resolve) => {
      stream.wait(2, () => {
        calls.push("waited");
        resolve();
      });
    });
    expect(calls).toEqual(["waited"]);
  });
});
