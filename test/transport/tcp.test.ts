import { once } from "node:events";
import { Socket, type LookupFunction } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Dialling, socketsInUse, turns } from "../support/dialling.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await dialling.finish();
});

/** A port without a listener. */
async function closedPort(): Promise<number> {
  const server = await dialling.listen();
  const { port } = server;
  await server.close();
  return port;
}

function answering(...addresses: string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_hostname, _options, callback) => setImmediate(callback, null, found);
}

function notFound(): Error {
  return Object.assign(new Error("getaddrinfo ENOTFOUND feed.test"), { code: "ENOTFOUND" });
}

describe("openTcp", () => {
  describe("phases", () => {
    it("resolves a name first", async () => {
      const { port } = await dialling.listen();
      const { handler } = dialling.dial({ host: "feed.test", port, lookup: answering("127.0.0.1") });
      await handler.untilCall("open");
      expect(handler.calls).toEqual(["dns", "tcp", "open"]);
    });

    it("uses Node's lookup by default", async () => {
      const { port } = await dialling.listen();
      const { handler } = dialling.dial({ host: "localhost", port });
      await handler.untilCall("open");
      expect(handler.calls).toEqual(["dns", "tcp", "open"]);
    });

    it("tries the next address", async () => {
      const server = await dialling.listen();
      const lookup = answering("::1", "127.0.0.1");
      const { handler } = dialling.dial({ host: "feed.test", port: server.port, lookup });
      (await server.socket()).end("from the second");
      await handler.untilCall("end");
      expect(handler.calls).toEqual(["dns", "tcp", "open", "data", "end"]);
      expect(handler.received).toBe("from the second");
    });

    it("supports a lookup that calls back synchronously", async () => {
      const port = await closedPort();
      const lookup: LookupFunction = (_hostname, _options, callback) =>
        callback(null, [{ address: "127.0.0.1", family: 4 }]);
      const { handler } = dialling.dial({ host: "feed.test", port, lookup });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["dns", "tcp", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNREFUSED" });
    });
  });

  describe("failures", () => {
    it("reports a refused connection", async () => {
      const port = await closedPort();
      const { handler } = dialling.dial({ port });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNREFUSED", port });
    });

    it("reports one error if every address refuses the connection", async () => {
      const port = await closedPort();
      const { handler } = dialling.dial({
        host: "feed.test",
        port,
        lookup: answering("127.0.0.1", "127.0.0.2"),
      });
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["dns", "tcp", "close"]);
      expect(handler.error).toBeInstanceOf(AggregateError);
      expect(handler.error).toMatchObject({
        code: "ECONNREFUSED",
        message: `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
        errors: [{ address: "127.0.0.1" }, { address: "127.0.0.2" }],
      });
    });

    it.each<[string, LookupFunction]>([
      ["later", (_hostname, _options, callback) => setImmediate(() => callback(notFound(), ""))],
      ["synchronously", (_hostname, _options, callback) => callback(notFound(), "")],
      [
        "by throwing",
        () => {
          throw notFound();
        },
      ],
    ])("reports a name that is not found: %s", async (_how, lookup) => {
      const { handler } = dialling.dial({ host: "feed.test", lookup });
      expect(handler.calls).toEqual([]);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["dns", "close"]);
      expect(handler.error).toMatchObject({ code: "ENOTFOUND" });
    });

    it("reports an invalid result of the lookup", async () => {
      const lookup: LookupFunction = (_hostname, _options, callback) => callback(null, "nowhere");
      const { handler } = dialling.dial({ host: "feed.test", lookup });
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ code: "ENOTFOUND" });
    });

    it("reports an invalid localAddress without throwing", async () => {
      const { transport, handler } = dialling.dial({ localAddress: "here" });
      expect(transport.write(Buffer.from("early"), () => expect.unreachable())).toBe(false);
      transport.unref();
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "close"]);
      expect(handler.error).toEqual(new TypeError("localAddress must be an IP address, got 'here'"));
    });

    it("reports a localAddress that cannot be bound", async () => {
      const { port } = await dialling.listen();
      const { handler } = dialling.dial({ port, localAddress: "192.0.2.1" });
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ code: "EADDRNOTAVAIL" });
    });

    it("can be destroyed during the lookup", async () => {
      const lookup: LookupFunction = (_hostname, _options, callback) => {
        setImmediate(() => setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]));
      };
      const { transport, handler } = dialling.dial({ host: "feed.test", lookup });
      await handler.untilCall("dns");
      transport.destroy();
      await handler.untilCall("close");
      await turns(5);
      expect(handler.calls).toEqual(["dns", "close"]);
      expect(handler.error).toBeUndefined();
    });
  });

  // Which bytes are delivered before a reset depends on the kernel.
  describe.runIf(process.platform === "linux")("a reset", () => {
    it("is reported after the data before it", async () => {
      const server = await dialling.listen();
      const { handler } = dialling.dial({ port: server.port });
      const peer = await server.socket();
      peer.write("before");
      await handler.untilCall("data");
      peer.resetAndDestroy();
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "open", "data", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNRESET", syscall: "read" });
    });

    it("waits, like the data before it, while reading is paused", async () => {
      const server = await dialling.listen();
      const { transport, handler } = dialling.dial({ port: server.port });
      transport.pause();
      const [peer] = await Promise.all([server.socket(), handler.untilCall("open")]);
      peer.write("before");
      peer.resetAndDestroy();
      await once(peer, "close");
      await turns(10);
      expect(handler.calls).toEqual(["tcp", "open"]);
      transport.resume();
      // Node reports an end instead of the reset if it has just read the last data.
      await handler.until(() => handler.calls.includes("end") || handler.calls.includes("close"));
      expect(handler.received).toBe("before");
      transport.end();
      await handler.untilCall("close");
    });

    it("fails a later write", async () => {
      const server = await dialling.listen();
      const { transport, handler } = dialling.dial({ port: server.port });
      transport.pause();
      const [peer] = await Promise.all([server.socket(), handler.untilCall("open")]);
      peer.resetAndDestroy();
      await once(peer, "close");
      await turns(3);
      const onWritten = vi.fn();
      expect(transport.write(Buffer.from("lost"), onWritten)).toBe(false);
      await handler.untilCall("close");
      await turns(3);
      expect(onWritten).not.toHaveBeenCalled();
      expect(handler.error).toMatchObject({ syscall: "write" });
    });

    it("fails a pending write", async () => {
      const server = await dialling.listen();
      const { transport, handler } = dialling.dial({ port: server.port });
      const [peer] = await Promise.all([server.socket(), handler.untilCall("open")]);
      const onWritten = vi.fn();
      expect(transport.write(Buffer.alloc(16 * 1024 * 1024), onWritten)).toBe(false);
      peer.resetAndDestroy();
      await handler.untilCall("close");
      expect(onWritten).not.toHaveBeenCalled();
      expect(handler.error).toBeInstanceOf(Error);
    });
  });

  describe("writes", () => {
    it("that the kernel accepts immediately call no callback", async () => {
      const server = await dialling.listen();
      const { transport, handler } = dialling.dial({ port: server.port });
      const [peer] = await Promise.all([server.socket(), handler.untilCall("open")]);
      const onWritten = vi.fn();
      const segment = Buffer.alloc(1000);
      for (let index = 0; index < 40; index++) {
        // The kernel has copied the bytes, so the caller reuses its segment.
        expect(transport.write(segment.fill(index), onWritten)).toBe(true);
        if (index % 10 === 0) await turns(1);
      }
      expect(transport.write(Buffer.alloc(0), onWritten)).toBe(true);
      transport.end();
      const chunks = await peer.toArray();
      const received = Buffer.concat(chunks as Buffer[]);
      expect([...received].every((byte, index) => byte === Math.floor(index / 1000))).toBe(true);
      expect(received).toHaveLength(40_000);
      expect(onWritten).not.toHaveBeenCalled();
    });
  });

  describe("the socket's options", () => {
    it.each([
      { noDelay: true, keepAlive: 5_000 },
      { noDelay: false, keepAlive: false },
    ] as const)("are set: %o", async (given) => {
      const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
      const setKeepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
      const { port } = await dialling.listen();
      const { handler } = dialling.dial({ port, ...given });
      await handler.untilCall("open");
      expect(setNoDelay.mock.calls).toEqual([[given.noDelay]]);
      expect(setKeepAlive.mock.calls).toEqual(given.keepAlive === false ? [] : [[true, 5_000]]);
    });

    it("binds to the local address", async () => {
      const server = await dialling.listen();
      const { handler } = dialling.dial({ port: server.port, localAddress: "127.0.0.1" });
      await handler.untilCall("open");
      expect((await server.socket()).remoteAddress).toBe("127.0.0.1");
    });
  });

  describe("ref and unref", () => {
    it("control whether the socket keeps the process alive", async () => {
      const server = await dialling.listen();
      const before = socketsInUse().length;
      const { transport, handler } = dialling.dial({ port: server.port });
      const peer = await server.socket();
      await handler.untilCall("open");
      peer.unref();
      expect(socketsInUse()).toHaveLength(before + 1);
      transport.unref();
      expect(socketsInUse()).toHaveLength(before);
      transport.ref();
      expect(socketsInUse()).toHaveLength(before + 1);
    });

    it("apply before the connection is open, and to the second address too", async () => {
      const server = await dialling.listen();
      const before = socketsInUse().length;
      const lookup = answering("::1", "127.0.0.1");
      const { transport, handler } = dialling.dial({ host: "feed.test", port: server.port, lookup });
      transport.unref();
      const peer = await server.socket();
      await handler.untilCall("open");
      peer.unref();
      expect(socketsInUse()).toHaveLength(before);
    });
  });
});

describe("openTcp with socketPath", () => {
  it("connects by path, and does not set TCP options", async () => {
    const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
    const setKeepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
    const server = await dialling.listen({ isLocal: true });
    const { handler } = dialling.dial({
      host: "feed.test",
      socketPath: server.path,
      keepAlive: 1_000,
      localAddress: "192.0.2.1",
    });
    await handler.untilCall("open");
    expect(handler.calls).toEqual(["tcp", "open"]);
    expect(setNoDelay).not.toHaveBeenCalled();
    expect(setKeepAlive).not.toHaveBeenCalled();
  });

  it("reports a path without a socket", async () => {
    const { handler } = dialling.dial({ socketPath: "/nowhere/at/all.sock" });
    expect(handler.calls).toEqual([]);
    await handler.untilCall("close");
    expect(handler.calls).toEqual(["tcp", "close"]);
    expect(handler.error).toMatchObject({ code: "ENOENT", address: "/nowhere/at/all.sock" });
  });

  it("reports a path that is too long", async () => {
    const { handler } = dialling.dial({ socketPath: "/a".repeat(5_000) });
    await handler.untilCall("close");
    expect(handler.calls).toEqual(["tcp", "close"]);
    expect(handler.error).toBeInstanceOf(Error);
  });
});
