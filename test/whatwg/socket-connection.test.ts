import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { optionsOfOneConnection, type WebSocketOptions } from "../../src/whatwg/client-options.js";
import { SocketConnection } from "../../src/whatwg/socket-connection.js";
import { toUrlRecord } from "../../src/whatwg/url-record.js";
import type { ScriptedConnection } from "../../src/testing/index.js";
import { type Script, Stage } from "../layers/stage.js";
import { MemoryBlob } from "../support/memory-blob.js";

interface Made {
  readonly stage: Stage;
  readonly connection: SocketConnection;
  readonly log: string[];
  readonly fired: Event[];
}

/** A connection in virtual time. */
async function make(options: WebSocketOptions = {}, script?: Script): Promise<Made> {
  const stage = new Stage(script);
  const log: string[] = [];
  const fired: Event[] = [];
  const given = optionsOfOneConnection({ runtime: stage.runtime, ...options });
  const connection = new SocketConnection(toUrlRecord("ws://feed.test/trades"), [], given, {
    fire: (event) => {
      log.push(`${event.type} ${connection.readyState}`);
      fired.push(event);
    },
    update: (state) => void log.push(`to ${state}`),
  });
  await stage.pass();
  return { stage, connection, log, fired };
}

class UnreadableBlob extends MemoryBlob {
  override arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.reject(new Error("unreadable"));
  }
}

describe("a connection in virtual time", () => {
  it("opens, receives and closes, and leaves nothing behind", async () => {
    const { stage, connection, log, fired } = await make();
    stage.connection.send("hello");
    await stage.pass();
    expect((fired[1] as MessageEvent).data).toBe("hello");
    connection.close({ code: null, reason: "" });
    await stage.pass();
    expect(log).toEqual(["to 1", "open 1", "message 1", "to 2", "close 3", "to 3"]);
    await stage.finish();
  });

  it.each([
    ["opens", (peer: ScriptedConnection) => peer.accept(), ["to 1", "open 1"]],
    ["fails", (peer: ScriptedConnection) => peer.reset(), ["error 3", "close 3", "to 3"]],
  ])(
    "waits until another one to the same host %s, if the program has a location",
    async (_, end, expected) => {
      const location = new URL("http://feed.test/");
      Object.defineProperty(globalThis, "location", { value: location, configurable: true });
      onTestFinished(() => void Reflect.deleteProperty(globalThis, "location"));
      let first: ScriptedConnection | undefined;
      const { stage, connection, log } = await make({}, (peer, n) => {
        if (n === 1) first = peer;
        else peer.accept();
      });
      const second = await make({ runtime: stage.runtime });
      await stage.pass(1_000);
      expect([connection.readyState, second.connection.readyState]).toEqual([0, 0]);
      // No time passes until the second one is open.
      end(first!);
      await stage.pass();
      expect([log, second.log]).toEqual([expected, ["to 1", "open 1"]]);
      for (const one of [connection, second.connection]) one.close({ code: null, reason: "" });
      await stage.pass();
      await stage.finish();
    },
  );

  it("sends pings, and fails if the peer is silent", async () => {
    const { stage, log } = await make({ heartbeat: { interval: 1_000, timeout: 500 } });
    stage.connection.mute();
    await stage.pass(10_000);
    expect(log.slice(2)).toEqual(["error 3", "close 3", "to 3"]);
    await stage.finish();
  });

  it("fails after connectTimeout", async () => {
    const { stage, log, fired } = await make({ connectTimeout: 100 }, () => undefined);
    await stage.pass(100);
    expect(log).toEqual(["error 3", "close 3", "to 3"]);
    expect((fired[0] as Event & { readonly error: Error }).error.name).toBe("TimeoutError");
    await stage.finish();
  });

  it("fails after closeTimeout if the peer does not answer", async () => {
    const { stage, connection, log } = await make({ closeTimeout: 100 });
    stage.connection.mute();
    connection.close({ code: 1000, reason: "" });
    await stage.pass(2_000);
    expect(log.slice(2)).toEqual(["to 2", "error 3", "close 3", "to 3"]);
    await stage.finish();
  });

  it("is closed by the option signal, before and after it is open", async () => {
    const abort = new AbortController();
    const { stage, log, fired } = await make({ signal: abort.signal });
    abort.abort();
    await stage.pass();
    expect(log.slice(2)).toEqual(["to 2", "close 3", "to 3"]);
    expect(fired[1]).toMatchObject({ code: 1001, wasClean: true });
    await stage.finish();
    const other = await make({ signal: abort.signal });
    expect(other.log).toEqual(["error 3", "close 3", "to 3"]);
    await other.stage.finish();
  });

  it("fails if a Blob cannot be read", async () => {
    const { stage, connection, log, fired } = await make();
    connection.send(new UnreadableBlob("12345"));
    await stage.pass();
    expect(log.slice(2)).toEqual(["error 3", "close 3", "to 3"]);
    expect((fired[1] as Event & { readonly error: { readonly code: string } }).error.code).toBe(
      "SEND_FAILED",
    );
    await stage.finish();
  });

  it("fails if a message exceeds maxMessageSize", async () => {
    const { stage, log } = await make({ maxMessageSize: 10 });
    stage.connection.send("x".repeat(11));
    await stage.pass(10_000);
    expect(log.slice(2)).toEqual(["to 2", "error 3", "close 3", "to 3"]);
    await stage.finish();
  });
});

/** A stream of the program that answers the opening handshake. */
class ProgramStream extends Duplex {
  #hasAnswered = false;

  override _read(): void {
    // The test pushes the bytes.
  }

  override _write(request: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const key = /^sec-websocket-key: *(\S+)/im.exec(request.toString("latin1"))?.[1];
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    if (!this.#hasAnswered) this.push(`${head.join("\r\n")}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    this.#hasAnswered = true;
    done();
  }
}

it("a message of a stream of the program waits for the promise reactions of the program", async () => {
  const log: string[] = [];
  const stream = new ProgramStream();
  const options = optionsOfOneConnection({ createConnection: () => stream, heartbeat: false });
  await new Promise<void>((resolve) => {
    new SocketConnection(toUrlRecord("ws://feed.test/"), [], options, {
      fire: ({ type }) => {
        log.push(type);
        if (type === "open") setImmediate(pushMessage);
        if (type === "message") resolve();
      },
      update: () => undefined,
    });

    function pushMessage(): void {
      stream.push(Buffer.from([0x81, 0x01, 0x61]));
      log.push("pushed");
      let chain = Promise.resolve();
      for (let depth = 0; depth < 10; depth++) chain = chain.then(() => undefined);
      void chain.then(() => log.push("reaction"));
    }
  });
  expect(log).toEqual(["open", "pushed", "reaction", "message"]);
  stream.destroy();
});
