import { once } from "node:events";
import { connect, Socket } from "node:net";
import { Duplex, PassThrough, Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CreateConnection } from "../../src/runtime/transport.js";
import { Dialling, turns, type Dialled } from "../support/dialling.js";
import { createDuplexPair } from "../support/duplex-pair.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(async () => {
  await dialling.finish();
  for (const release of releases.splice(0)) release();
});

const releases: (() => void)[] = [];

/** A promise that does not settle before the end of the test. */
function never(): Promise<never> {
  return new Promise((_resolve, reject) => releases.push(() => reject(new Error("The test is over"))));
}

function dial(
  createConnection: CreateConnection,
  given: { url?: string; signal?: AbortSignal } = {},
): Dialled {
  return dialling.dial({ createConnection, ...given });
}

function listenersOf(stream: Duplex): Record<string, number> {
  const events = ["data", "end", "error", "close", "connect", "secureConnect"];
  return Object.fromEntries(events.map((event) => [event, stream.listenerCount(event)]));
}

describe("openDuplex", () => {
  describe("a stream of createConnection", () => {
    it("is created with the url and a signal, after openDuplex() has returned", async () => {
      const [ours] = createDuplexPair();
      const createConnection = vi.fn<CreateConnection>(() => ours);
      const { handler } = dial(createConnection, { url: "ws://feed.test/a" });
      expect(createConnection).not.toHaveBeenCalled();
      await handler.untilCall("open");
      expect(createConnection).toHaveBeenCalledTimes(1);
      const [context] = createConnection.mock.calls[0]!;
      expect(context.url).toBe("ws://feed.test/a");
      expect(context.signal.aborted).toBe(false);
      expect(handler.calls).toEqual(["open"]);
    });

    it.each<[string, (stream: Duplex) => Duplex | Promise<Duplex>]>([
      ["immediately", (stream) => stream],
      ["by a promise", (stream) => Promise.resolve(stream)],
      ["much later", (stream) => new Promise((resolve) => setImmediate(() => setImmediate(resolve, stream)))],
    ])("is returned %s and carries bytes both ways", async (_when, returnStream) => {
      const [ours, theirs] = createDuplexPair();
      const before = listenersOf(ours);
      const { transport, handler } = dial(() => returnStream(ours));
      await handler.untilCall("open");
      expect(transport.write(Buffer.from("to the peer"), () => undefined)).toBe(true);
      transport.end();
      theirs.end("to us");
      expect((await theirs.toArray()).join("")).toBe("to the peer");
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["open", "data", "end", "close"]);
      expect(handler.received).toBe("to us");
      expect(handler.error).toBeUndefined();
      expect(listenersOf(ours)).toEqual(before);
    });

    it("keeps bytes that arrived before it was returned", async () => {
      const [ours, theirs] = createDuplexPair();
      theirs.write("early ");
      ours.pause();
      const { handler } = dial(() => ours);
      await handler.untilCall("open");
      theirs.end("late");
      await handler.untilCall("end");
      expect(handler.received).toBe("early late");
    });

    it("receives a copy of the bytes, because the caller reuses its segment", async () => {
      const [ours, theirs] = createDuplexPair();
      const { transport, handler } = dial(() => ours);
      await handler.untilCall("open");
      const segment = Buffer.from("first");
      expect(transport.write(segment, () => undefined)).toBe(true);
      segment.fill("x");
      expect(String(theirs.read())).toBe("first");
    });

    it("may complete a write later", async () => {
      let take: (() => void) | undefined;
      const ours = new Duplex({
        read: () => undefined,
        write: (_chunk, _encoding, callback) => (take = callback),
      });
      const { transport, handler } = dial(() => ours);
      await handler.untilCall("open");
      const onWritten = vi.fn();
      expect(transport.write(Buffer.from("slow"), onWritten)).toBe(false);
      await turns(3);
      expect(onWritten).not.toHaveBeenCalled();
      take?.();
      await turns(1);
      expect(onWritten).toHaveBeenCalledTimes(1);
    });

    it("may be paused before data and end", async () => {
      const [ours, theirs] = createDuplexPair();
      const { transport, handler } = dial(() => ours);
      handler.onCall = (call) => {
        if (call === "data") transport.pause();
      };
      await handler.untilCall("open");
      for (const piece of ["one ", "two ", "three"]) theirs.write(piece);
      theirs.end();
      await handler.untilCall("data");
      await turns(5);
      expect(handler.received).toBe("one ");
      transport.resume();
      await handler.until(() => handler.reads.length === 2);
      await turns(5);
      expect(handler.received).toBe("one two ");
      handler.onCall = undefined;
      transport.resume();
      await handler.untilCall("end");
      expect(handler.received).toBe("one two three");
    });

    it("may lack ref and unref", async () => {
      const [ours] = createDuplexPair();
      const { transport, handler } = dial(() => ours);
      transport.unref();
      await handler.untilCall("open");
      transport.ref();
      transport.unref();
    });
  });

  describe("chunks", () => {
    it.each<[string, unknown, string]>([
      ["a Buffer", Buffer.from("bytes"), "bytes"],
      [
        "a Uint8Array that is a part of its memory",
        new TextEncoder().encode("xbytesx").subarray(1, 6),
        "bytes",
      ],
      ["a string", "ü", "\u00c3\u00bc"],
      ["an empty Buffer, which is ignored", Buffer.alloc(0), ""],
    ])("are accepted in object mode: %s", async (_what, chunk, expected) => {
      const [ours, theirs] = createDuplexPair({ objectMode: true });
      const { handler } = dial(() => ours);
      await handler.untilCall("open");
      theirs.write(chunk);
      theirs.end();
      await handler.untilCall("end");
      expect(handler.received).toBe(expected);
      expect(handler.calls).toEqual(expected === "" ? ["open", "end"] : ["open", "data", "end"]);
    });

    it("that are not bytes end the connection", async () => {
      const [ours, theirs] = createDuplexPair({ objectMode: true });
      const { handler } = dial(() => ours);
      await handler.untilCall("open");
      theirs.write({ not: "bytes" });
      theirs.write(Buffer.from("too late"));
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["open", "close"]);
      expect(handler.error).toEqual(new TypeError("The stream must emit bytes, got object"));
      expect(ours.destroyed).toBe(true);
    });

    it("of a stream with an encoding are rejected", async () => {
      const [ours, theirs] = createDuplexPair();
      ours.setEncoding("utf8");
      const { handler } = dial(() => ours);
      await handler.untilCall("open");
      theirs.write(Buffer.of(0xff, 0xfe));
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ name: "TypeError" });
      expect(handler.error?.message).toContain('setEncoding("utf8")');
    });
  });

  describe("createConnection", () => {
    const failure = new Error("no route");

    it.each<[string, CreateConnection]>([
      [
        "throws",
        () => {
          throw failure;
        },
      ],
      ["rejects", () => Promise.reject(failure)],
    ])("%s", async (_how, createConnection) => {
      const { handler } = dial(createConnection);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["close"]);
      expect(handler.error).toBe(failure);
    });

    it("rejects with an error of another realm", async () => {
      const foreign: unknown = runInNewContext('new Error("from elsewhere")');
      const { handler } = dial(() => Promise.reject(foreign));
      await handler.untilCall("close");
      expect(handler.error).toBe(foreign);
    });

    it.each([["a string"], [undefined], [Object.create(null)]])(
      "rejects with a value that is not an error: %s",
      async (reason) => {
        const { handler } = dial(() => Promise.reject(reason));
        await handler.untilCall("close");
        expect(handler.error?.message).toContain("createConnection failed with ");
        expect(handler.error?.cause).toBe(reason);
      },
    );

    it.each([
      ["undefined", undefined],
      ["null", null],
      ["text", "socket"],
      ["an object", {}],
      ["a bare object", Object.create(null)],
      ["a function", () => undefined],
      ["a stream that only reads", Readable.from([])],
    ])("returns a value that is not a Duplex: %s", async (_what, rubbish) => {
      const { handler } = dial(() => rubbish as Duplex);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["close"]);
      expect(handler.error).toBeInstanceOf(TypeError);
      expect(handler.error?.message).toContain("must return a Duplex");
    });

    it.each<[string, (stream: Duplex) => void]>([
      ["destroyed", (stream) => stream.destroy()],
      ["destroyed by an error", (stream) => stream.on("error", () => undefined).destroy(failure)],
      ["ended on our side", (stream) => stream.end()],
      ["ended on the peer's side", (stream) => stream.resume().push(null)],
    ])("returns a stream that is %s", async (how, finish) => {
      const stream = new PassThrough();
      finish(stream);
      await turns(1);
      const { handler } = dial(() => stream);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["close"]);
      expect(handler.error?.message).toBe("createConnection returned a stream that is closed");
      expect(handler.error?.cause).toBe(how === "destroyed by an error" ? failure : null);
      expect(stream.destroyed).toBe(true);
    });

    it("never settles: destroy() aborts its signal and closes the transport", async () => {
      let signal: AbortSignal | undefined;
      const { transport, handler } = dial((context) => {
        ({ signal } = context);
        return never();
      });
      await turns(1);
      expect(signal?.aborted).toBe(false);
      transport.destroy();
      expect(signal?.aborted).toBe(true);
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["close"]);
      expect(handler.error).toBeUndefined();
    });

    it("settles after destroy(): the stream is destroyed and its error is ignored", async () => {
      const stream = new PassThrough();
      let settle: ((stream: Duplex) => void) | undefined;
      const { transport, handler } = dial(() => new Promise((resolve) => (settle = resolve)));
      await turns(1);
      transport.destroy();
      await handler.untilCall("close");
      settle?.(stream);
      await turns(1);
      expect(stream.destroyed).toBe(true);
      stream.emit("error", failure);
      expect(handler.calls).toEqual(["close"]);
    });

    it("rejects because it was aborted: the close has no error", async () => {
      const { transport, handler } = dial(
        ({ signal }) => once(signal, "never", { signal }) as Promise<never>,
      );
      await turns(1);
      await Promise.resolve().then(() => transport.destroy());
      await handler.untilCall("close");
      await turns(1);
      expect(handler.error).toBeUndefined();
    });

    it("is not called after the transport is destroyed", async () => {
      const createConnection = vi.fn<CreateConnection>(() => new PassThrough());
      const { transport, handler } = dial(createConnection);
      transport.destroy();
      await handler.untilCall("close");
      expect(createConnection).not.toHaveBeenCalled();
    });

    it("follows the caller's signal, aborted before or during the call", async () => {
      const reason = new Error("enough");
      for (const isEarly of [true, false]) {
        const controller = new AbortController();
        if (isEarly) controller.abort(reason);
        const { handler } = dial(
          ({ signal }) => {
            if (signal.aborted) return Promise.reject(signal.reason);
            return new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason as Error));
            });
          },
          { signal: controller.signal },
        );
        await turns(1);
        controller.abort(reason);
        await handler.untilCall("close");
        expect(handler.error).toBe(reason);
      }
    });

    it("removes its listener from the caller's signal", async () => {
      const { signal } = new AbortController();
      const add = vi.spyOn(signal, "addEventListener");
      const remove = vi.spyOn(signal, "removeEventListener");
      const opened = dial(() => new PassThrough(), { signal });
      const stuck = dial(never, { signal });
      await opened.handler.untilCall("open");
      stuck.transport.destroy();
      await stuck.handler.untilCall("close");
      for (const [, listener] of add.mock.calls) expect(remove).toHaveBeenCalledWith("abort", listener);
      expect(add).toHaveBeenCalledTimes(2);
    });
  });

  describe("the end of a stream", () => {
    it("is reported once with its error", async () => {
      const stream = new PassThrough();
      const { handler } = dial(() => stream);
      await handler.untilCall("open");
      stream.destroy(new Error("torn"));
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["open", "close"]);
      expect(handler.error).toEqual(new Error("torn"));
    });

    it("is reported if it closes without an end", async () => {
      const stream = new PassThrough();
      const { handler } = dial(() => stream);
      await handler.untilCall("open");
      stream.destroy();
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["open", "close"]);
      expect(handler.error).toBeUndefined();
    });

    it.each([{ emitClose: false }, { autoDestroy: false }])(
      "is reported for a stream created with %o",
      async (options) => {
        const failing = new PassThrough(options);
        const first = dial(() => failing);
        await first.handler.untilCall("open");
        failing.emit("error", new Error("torn"));
        await first.handler.untilCall("close");
        expect(first.handler.error).toEqual(new Error("torn"));
        expect(failing.destroyed).toBe(true);

        const second = dial(() => new PassThrough(options));
        await second.handler.untilCall("open");
        second.transport.destroy();
        await second.handler.untilCall("close");
        expect(second.handler.error).toBeUndefined();
      },
    );

    it("is reported later if a write emits an error synchronously", async () => {
      const stream = new PassThrough();
      const { transport, handler } = dial(() => stream);
      await handler.untilCall("open");
      stream.write = () => stream.emit("error", new Error("at once"));
      expect(transport.write(Buffer.from("lost"), () => expect.unreachable())).toBe(false);
      expect(handler.calls).toEqual(["open"]);
      await handler.untilCall("close");
      expect(handler.error).toEqual(new Error("at once"));
    });

    it("is caused by destroy()", async () => {
      const stream = new PassThrough();
      const { transport, handler } = dial(() => stream);
      await handler.untilCall("open");
      transport.destroy();
      expect(stream.destroyed).toBe(true);
      await handler.untilCall("close");
      expect(handler.error).toBeUndefined();
    });
  });

  describe("a socket of createConnection", () => {
    it("may be open already", async () => {
      const server = await dialling.listen();
      const socket = connect(server.port, "127.0.0.1");
      await once(socket, "connect");
      const { transport, handler } = dial(() => socket);
      await handler.untilCall("open");
      expect(handler.calls).toEqual(["open"]);
      transport.unref();
      transport.ref();
    });

    it("may be refused", async () => {
      const server = await dialling.listen();
      const { port } = server;
      await server.close();
      const { handler } = dial(() => connect(port, "127.0.0.1"));
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tcp", "close"]);
      expect(handler.error).toMatchObject({ code: "ECONNREFUSED" });
    });

    it("may throw when it is written to", async () => {
      const server = await dialling.listen();
      const socket = connect(server.port, "127.0.0.1");
      await once(socket, "connect");
      const { transport, handler } = dial(() => socket);
      await handler.untilCall("open");
      const failure = new Error("no ink");
      socket._write = (): void => {
        throw failure;
      };
      expect(transport.write(Buffer.from("lost"), () => expect.unreachable())).toBe(false);
      await handler.untilCall("close");
      expect(handler.error).toBe(failure);
    });

    it("may be destroyed with an error in the tick that created it", async () => {
      const { handler } = dial(() => new Socket().destroy(new Error("stillborn")));
      await handler.untilCall("close");
      expect(handler.error?.cause).toEqual(new Error("stillborn"));
    });

    it("may still be in its TLS handshake", async () => {
      const { port, certificate } = await dialling.listen({ isSecure: true });
      const { handler } = dial(() => connectTls({ host: "127.0.0.1", port, ca: certificate.cert }));
      await handler.untilCall("open");
      expect(handler.calls).toEqual(["tls", "open"]);
    });

    it("may not trust its peer", async () => {
      const { port } = await dialling.listen({ isSecure: true });
      const { handler } = dial(() => connectTls({ host: "127.0.0.1", port }));
      await handler.untilCall("close");
      expect(handler.calls).toEqual(["tls", "close"]);
      expect(handler.error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    });
  });
});
