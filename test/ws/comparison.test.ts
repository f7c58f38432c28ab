// Runs the same scripts against the class of the package `ws` and against `jetsocket/ws`, and compares what they emit and
// what they send.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createWebSocketStream as originalStream, WebSocket as Original } from "ws";
import { createWebSocketStream, WebSocket as Own } from "../../src/ws/index.js";
import { acceptance, closeFrame, type Peer, PeerServer, serverFrame } from "../support/ws-peer.js";

type AnySocket = Own;

interface Run {
  readonly ws: AnySocket;
  readonly log: string[];
  /** Records what has no order relative to the events. */
  readonly notes: string[];
  readonly peers: readonly Peer[];
  readonly stream: (options?: object) => ReturnType<typeof createWebSocketStream>;
  /** Ends the run before the event `close`. */
  finish(): void;
}

interface Scenario {
  /** The server's part. The argument `index` is the number of the connection. */
  readonly server?: (peer: Peer, index: number) => void | Promise<void>;
  /** The client's part, called directly after the construction. */
  readonly client?: (run: Run) => void;
  readonly options?: object;
  readonly protocols?: string | string[];
  readonly path?: string;
  /** Names of events that are not recorded, because a listener changes what the class does. */
  readonly without?: readonly string[];
  /** The Close frame of the client answers that of the server. `ws` repeats the reason in it too. */
  readonly isClosedByServer?: true;
  /** What the two classes do in different ways. */
  readonly differs?: "end";
}

const eventNames = "open message close error ping pong upgrade unexpected-response redirect".split(" ");
const opcodes: Readonly<Record<number, string>> = {
  0: "more",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** Numbers that only the messages of `ws` contain. */
function plain(message: string): string {
  return message
    .replace(/(invalid (?:opcode|payload length|status code)) .*/, "$1")
    .replace(/:\d{4,5}\b/g, ":PORT");
}

function shown(value: unknown): string {
  if (value instanceof Error) {
    const { code = "" } = value as { readonly code?: unknown };
    const type =
      value instanceof RangeError ? "RangeError" : value instanceof SyntaxError ? "SyntaxError" : "Error";
    return `${type}(${String(code)} ${plain(value.message)})`;
  }
  if (Buffer.isBuffer(value))
    return `<${value.length > 40 ? `${value.length} bytes` : value.toString("latin1")}>`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${shown(Buffer.from(value))}`;
  if (Array.isArray(value)) return `[${value.map(shown).join()}]`;
  if (typeof value === "object" && value !== null && "statusCode" in value)
    return `response ${String(value.statusCode)}`;
  if (typeof value === "object" && value !== null) return "object";
  return plain(String(value));
}

interface Implementation {
  readonly type: typeof Own;
  readonly streamOf: typeof createWebSocketStream;
}

const original = { type: Original, streamOf: originalStream } as unknown as Implementation;
const own: Implementation = { type: Own, streamOf: createWebSocketStream };

async function runWith({ type, streamOf }: Implementation, scenario: Scenario): Promise<object> {
  const server = new PeerServer(scenario.server ?? ((peer) => peer.accept()));
  const port = await server.listen();
  const log: string[] = [];
  const notes: string[] = [];
  const uncaught = (error: unknown): void => void log.push(`uncaught ${shown(error)}`);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
  try {
    const ws = new type(
      `ws://127.0.0.1:${port}${scenario.path ?? "/"}`,
      scenario.protocols,
      scenario.options,
    );
    const ended = new Promise<void>((resolve) => {
      for (const name of eventNames.filter((one) => scenario.without?.includes(one) !== true))
        ws.on(name as "close", (...values: unknown[]) => {
          log.push([name, ws.readyState, ...values.map(shown)].join(" "));
          if (name === "close") setImmediate(resolve);
        });
      const stream: Run["stream"] = (options) => streamOf(ws, options);
      scenario.client?.({ ws, log, notes, peers: server.peers, stream, finish: resolve });
    });
    await ended;
    const wire = server.peers.map((peer) =>
      peer.frames.map(({ opcode, payload, rsv }) => {
        const text =
          rsv === 0x40
            ? inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255, 1, 0, 0, 255, 255])]))
            : payload;
        if (opcode === 8 && scenario.isClosedByServer) return `close ${payload.toString("hex", 0, 2)}`;
        return `${opcodes[opcode]!}${rsv === 0 ? "" : " compressed"} ${shown(text)}`;
      }),
    );
    if (scenario.differs === "end") return { log };
    const { readyState, protocol, extensions, binaryType, isPaused } = ws;
    return {
      log,
      notes,
      wire,
      end: { readyState, protocol, extensions, binaryType, isPaused, url: plain(ws.url) },
    };
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const other of others) process.on("uncaughtException", other);
    await server.close();
  }
}

/** Answers the Close frame of the client, and closes the connection. */
async function closing(peer: Peer, count = 1): Promise<void> {
  await peer.received(count);
  const close = peer.frames.find(({ opcode }) => opcode === 8);
  if (close !== undefined) peer.write(serverFrame(8, close.payload));
  peer.socket.end();
}

const afterOpen =
  (action: (run: Run) => void) =>
  (run: Run): void =>
    void run.ws.on("open", () => action(run));

/** Accepts, writes, and then reads until the client ends. */
const sends =
  (...bytes: readonly (Buffer | string)[]) =>
  async (peer: Peer): Promise<void> => {
    await peer.accept();
    peer.write(...bytes);
    await peer.ended();
    peer.socket.end();
  };

const answers =
  (...lines: readonly string[]) =>
  async (peer: Peer): Promise<void> => {
    await peer.request();
    peer.socket.end([...lines, "", ""].join("\r\n"));
  };

const big = Buffer.alloc(200_000, "b");
const compressed = (text: string): Buffer => deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4);

const scenarios: Readonly<Record<string, Scenario>> = {
  "an echo of text and bytes, and close()": {
    async server(peer) {
      await peer.accept();
      await peer.received(2);
      for (const { opcode, payload } of peer.frames) peer.write(serverFrame(opcode, payload));
      await closing(peer, 3);
    },
    client: afterOpen(({ ws }) => {
      let count = 0;
      ws.send("text");
      ws.send(Buffer.from("bytes"));
      ws.on("message", () => ++count === 2 && ws.close());
    }),
  },
  "every form of data": {
    async server(peer) {
      await peer.accept();
      await closing(peer, 13);
    },
    client: afterOpen(({ ws, notes }) => {
      const sent = (error?: Error): void => void notes.push(`sent ${error instanceof Error}`);
      ws.send(42);
      ws.send("", sent);
      ws.send(new Uint16Array([0x4142, 0x4344]).subarray(1), sent);
      ws.send(new Uint8Array([97, 98, 99, 100]).buffer.slice(0, 3), {}, sent);
      ws.send(new DataView(new ArrayBuffer(2)));
      ws.send([1, 2, 3]);
      ws.send("as bytes", { binary: true }, sent);
      ws.send(Buffer.from("as text"), { binary: false });
      ws.send(undefined as never);
      ws.send(0);
      ws.send("compress", { compress: false, fin: true, mask: true });
      ws.send({ valueOf: () => "valueOf" }, sent);
      ws.close(1000, "done");
    }),
  },
  "a message before a fault of the protocol is answered: with the response": {
    async server(peer) {
      const head = await peer.request();
      peer.socket.write(
        Buffer.concat([Buffer.from(acceptance(head)), serverFrame(1, "good"), serverFrame(3, "")]),
      );
      await peer.ended();
      peer.socket.end();
    },
    client: ({ ws }) => void ws.on("message", (data) => ws.send(data as Buffer, { binary: false })),
  },
  "a message before a fault of the protocol is answered: after a turn": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.write(serverFrame(1, "good"), serverFrame(3, ""));
      await peer.ended();
      peer.socket.end();
    },
    client: ({ ws }) => {
      ws.on("open", () => ws.send("hello"));
      ws.on("message", (data) => ws.send(data as Buffer, { binary: false }));
    },
  },
  "a Blob before a text": {
    options: { perMessageDeflate: false },
    async server(peer) {
      await peer.accept();
      await closing(peer, 3);
    },
    client: afterOpen(({ ws, notes }) => {
      ws.send(new Blob(["blob"]), (error) => void notes.push(`sent ${error instanceof Error}`));
      ws.send("after");
      ws.close();
    }),
  },
  "values that cannot be sent": {
    client: afterOpen(({ ws, log }) => {
      for (const call of [
        () => ws.send(true as never),
        () => ws.send({} as never),
        () => ws.ping("x".repeat(126)),
        () => ws.pong("x".repeat(126)),
        () => ws.close(1004),
        () => ws.close(1005),
        () => ws.close(999),
        () => ws.close("1000" as never),
        () => ws.close(1000, "x".repeat(124)),
      ]) {
        try {
          call();
          log.push("no error");
        } catch (error) {
          log.push((error as Error).name);
        }
      }
      ws.terminate();
    }),
  },
  "pings and pongs of both sides": {
    async server(peer) {
      await peer.accept();
      peer.write(serverFrame(9, "from server"), serverFrame(10, "unasked"), serverFrame(9, ""));
      await peer.received(5);
      peer.write(serverFrame(10, peer.frames.find(({ opcode }) => opcode === 9)!.payload));
      await closing(peer, 6);
    },
    client: ({ ws, notes }) => {
      ws.on("ping", (data) => {
        if (data.length > 0) return;
        const sent = (error?: Error): void => void notes.push(`sent ${error instanceof Error}`);
        ws.ping("one", true, sent);
        ws.ping(sent);
        ws.pong(7, sent as never);
      });
      ws.on("pong", (data) => {
        if (data.toString() === "one") ws.close();
      });
    },
  },
  "autoPong: false": {
    options: { autoPong: false },
    async server(peer) {
      await peer.accept();
      peer.write(serverFrame(9, "?"));
      await closing(peer, 2);
    },
    client: ({ ws }) =>
      void ws.on("ping", (data) => {
        ws.pong(data);
        ws.close();
      }),
  },
  ...Object.fromEntries(
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999].map((code) => [
      `a Close frame of the server with the code ${code}`,
      { server: sends(closeFrame(code, `reason ${code}`)), isClosedByServer: true } satisfies Scenario,
    ]),
  ),
  "a Close frame of the server without a code": { server: sends(closeFrame()) },
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map((code) => [
      `a Close frame of the server with the invalid code ${code}`,
      { server: sends(closeFrame(code)) } satisfies Scenario,
    ]),
  ),
  "a Close frame with one byte": { server: sends(serverFrame(8, "x")) },
  "a close reason that is not UTF-8": { server: sends(closeFrame(1000, Buffer.from([0xff]))) },
  ...Object.fromEntries(
    [undefined, 1000, 1001, 1011, 3000, 4000].map((code) => [
      `close(${String(code)}) with an answer of the same code`,
      {
        async server(peer) {
          await peer.accept();
          await closing(peer);
        },
        client: afterOpen(({ ws }) => ws.close(code, code === undefined ? undefined : "reason")),
      } satisfies Scenario,
    ]),
  ),
  "close() with an answer of another code": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.write(closeFrame(4001, "other"));
      peer.socket.end();
    },
    client: afterOpen(({ ws }) => ws.close(1000, Buffer.from("bytes"))),
  },
  "close() without an answer": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.socket.end();
    },
    client: afterOpen(({ ws }) => ws.close(1000, "reason")),
  },
  "close() with closeTimeout": {
    options: { closeTimeout: 20 },
    client: afterOpen(({ ws }) => ws.close(1000)),
  },
  "messages after close()": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.write(serverFrame(1, "late"), serverFrame(9, "ping"), closeFrame(1000));
      peer.socket.end();
    },
    client: afterOpen(({ ws }) => ws.close(1000)),
  },
  "calls after close()": {
    async server(peer) {
      await peer.accept();
      await closing(peer);
    },
    client: afterOpen(({ ws, notes }) => {
      const note = (error?: Error): void => void notes.push(String(error));
      ws.close();
      ws.close(1000);
      ws.send("four", note);
      ws.ping("p", true, note);
      ws.pong("p", true, note);
      ws.send(Buffer.alloc(3));
      notes.push(String(ws.bufferedAmount >= 9));
    }),
  },
  "calls after the event close": {
    client: ({ ws, notes }) => {
      ws.on("open", () => ws.terminate());
      ws.on("close", () => {
        ws.send("x", (error) => void notes.push(String(error)));
        ws.close();
        ws.terminate();
        ws.pause();
        ws.resume();
        notes.push(String(ws.bufferedAmount));
      });
    },
  },
  "a lost connection without a Close frame": {
    async server(peer) {
      await peer.accept();
      peer.write(serverFrame(1, "last"));
      peer.socket.end();
    },
  },
  "a reset connection": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.socket.resetAndDestroy();
    },
    client: afterOpen(({ ws }) => ws.send("x")),
  },
  "a connection that is lost inside a message": {
    async server(peer) {
      await peer.accept();
      peer.write(serverFrame(1, "partial").subarray(0, 5));
      peer.socket.end();
    },
  },
  ...Object.fromEntries(
    (
      [
        ["the opcode 3", serverFrame(3, "")],
        ["the opcode 11", serverFrame(11, "")],
        ["a continuation without a message", serverFrame(0, "x")],
        [
          "a message inside a message",
          Buffer.concat([serverFrame(1, "a", { fin: false }), serverFrame(1, "b")]),
        ],
        ["RSV1 without an extension", serverFrame(1, "x", { rsv: 0x40 })],
        ["RSV2", serverFrame(1, "x", { rsv: 0x20 })],
        ["RSV3", serverFrame(1, "x", { rsv: 0x10 })],
        ["RSV1 on a ping", serverFrame(9, "x", { rsv: 0x40 })],
        ["a fragmented ping", serverFrame(9, "x", { fin: false })],
        ["a ping of 126 bytes", serverFrame(9, "x".repeat(126))],
        ["a masked frame", serverFrame(1, "x", { masked: true })],
        ["text that is not UTF-8", serverFrame(1, Buffer.from([0x61, 0xff]))],
        [
          "fragments that are not UTF-8",
          Buffer.concat([serverFrame(1, Buffer.from([0xe2]), { fin: false }), serverFrame(0, "x")]),
        ],
        ["a message before the fault", Buffer.concat([serverFrame(1, "good"), serverFrame(3, "")])],
        ["a message after the fault", Buffer.concat([serverFrame(3, ""), serverFrame(1, "good")])],
      ] as const
    ).map(([name, bytes]) => [
      `an invalid frame: ${name}`,
      { server: sends(bytes), options: { perMessageDeflate: false } } satisfies Scenario,
    ]),
  ),
  "a message above maxPayload": {
    options: { maxPayload: 10 },
    server: sends(serverFrame(1, "x".repeat(11))),
  },
  "fragments above maxPayload": {
    options: { maxPayload: 10 },
    server: sends(serverFrame(2, "x".repeat(6), { fin: false }), serverFrame(0, "x".repeat(6))),
  },
  "more fragments than maxFragments": {
    options: { maxFragments: 2 },
    server: sends(...[2, 0, 0].map((opcode) => serverFrame(opcode, "x", { fin: false }))),
  },
  "fragments with a ping between them": {
    server: sends(
      serverFrame(1, "one ", { fin: false }),
      serverFrame(9, "p"),
      serverFrame(0, "two"),
      closeFrame(1000),
    ),
  },
  "big messages both ways": {
    options: { perMessageDeflate: false },
    async server(peer) {
      await peer.accept();
      await peer.received(2);
      for (const { opcode, payload } of peer.frames) peer.write(serverFrame(opcode, payload));
      await closing(peer, 3);
    },
    client: afterOpen(({ ws }) => {
      let count = 0;
      ws.send(big);
      ws.send(big.toString());
      ws.on("message", () => ++count === 2 && ws.close());
    }),
  },
  "a message in the packet of the response": {
    async server(peer) {
      const head = await peer.request();
      peer.write(acceptance(head), serverFrame(1, "early"), closeFrame(1000));
      peer.socket.end();
    },
  },
  "compressed messages both ways": {
    options: { perMessageDeflate: { threshold: 0, clientNoContextTakeover: true } },
    async server(peer) {
      await peer.accept("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover");
      await peer.received(2);
      peer.write(serverFrame(1, compressed("to the client"), { rsv: 0x40 }), serverFrame(2, "plain"));
      await closing(peer, 3);
    },
    client: afterOpen(({ ws }) => {
      let count = 0;
      ws.send("to the server ".repeat(3));
      ws.send("plain to the server", { compress: false });
      ws.on("message", () => ++count === 2 && ws.close());
    }),
  },
  "a compressed message that inflates above maxPayload": {
    options: { maxPayload: 1000 },
    async server(peer) {
      await peer.accept("Sec-WebSocket-Extensions: permessage-deflate");
      peer.write(serverFrame(1, compressed("x".repeat(2000)), { rsv: 0x40 }));
      await peer.ended();
      peer.socket.end();
    },
  },
  "messages below and above the threshold": {
    options: { perMessageDeflate: { clientNoContextTakeover: true } },
    async server(peer) {
      await peer.accept("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover");
      await closing(peer, 3);
    },
    client: afterOpen(({ ws }) => {
      ws.send("x".repeat(1024));
      ws.send("x".repeat(1023));
      ws.close();
    }),
  },
  ...Object.fromEntries(
    (["nodebuffer", "arraybuffer", "fragments"] as const).map((type) => [
      `binaryType ${type}`,
      {
        server: sends(serverFrame(2, "binary"), serverFrame(1, "text"), closeFrame(1000)),
        client: ({ ws }) => {
          ws.binaryType = type;
          ws.binaryType = "wrong" as never;
        },
      } satisfies Scenario,
    ]),
  ),
  ...Object.fromEntries(
    [200, 301, 400, 401, 403, 404, 426, 429, 500, 503].map((status) => [
      `a response with the status ${status}`,
      {
        without: ["unexpected-response"],
        server: answers(`HTTP/1.1 ${status} Status`, "Content-Length: 0", "Location: /other"),
      } satisfies Scenario,
    ]),
  ),
  "unexpected-response with a body": {
    server: (peer) =>
      answers("HTTP/1.1 401 No", "Content-Length: 4", "X-A: 1", "X-A: 2", "Set-Cookie: c", "", "body")(peer),
    client: ({ ws, log }) =>
      void ws.on("unexpected-response", (_request, response) => {
        log.push(JSON.stringify([response.statusMessage !== "", response.headers]));
        let body = "";
        response.on("data", (bytes: Buffer) => (body += bytes.toString("latin1").trim()));
        response.on("end", () => {
          log.push(body, String(ws.readyState));
          ws.terminate();
        });
      }),
  },
  "unexpected-response and destroy()": {
    server: answers("HTTP/1.1 500 No", "Content-Length: 0"),
    client: ({ ws, finish }) =>
      void ws.on("unexpected-response", (request, response) => {
        response.resume();
        request.destroy();
        finish();
      }),
  },
  "a response without Upgrade": { server: (peer) => peer.accept("Upgrade: other") },
  "a wrong Sec-WebSocket-Accept": { server: (peer) => peer.accept("Sec-WebSocket-Accept: wrong") },
  "a subprotocol": { protocols: ["one", "two"], server: sendsAfter(["Sec-WebSocket-Protocol: two"]) },
  "a subprotocol that was not offered": {
    protocols: ["one"],
    server: (peer) => peer.accept("Sec-WebSocket-Protocol: two"),
  },
  "a subprotocol although none was offered": { server: (peer) => peer.accept("Sec-WebSocket-Protocol: two") },
  "no subprotocol although one was offered": { protocols: "one", server: (peer) => peer.accept() },
  "an extension although none was offered": {
    options: { perMessageDeflate: false },
    server: (peer) => peer.accept("Sec-WebSocket-Extensions: permessage-deflate"),
  },
  "an unknown extension": { server: (peer) => peer.accept("Sec-WebSocket-Extensions: other") },
  "an extension with an unknown parameter": {
    server: (peer) => peer.accept("Sec-WebSocket-Extensions: permessage-deflate; other"),
  },
  "an extension header that is not valid": {
    server: (peer) => peer.accept("Sec-WebSocket-Extensions: a=b=c"),
  },
  "no response": { server: async (peer) => void (await peer.request(), peer.socket.end()) },
  "a response that is not HTTP": {
    server: async (peer) => void (await peer.request(), peer.socket.end("SSH-2.0-x\r\n\r\n")),
  },
  handshakeTimeout: { options: { handshakeTimeout: 20 }, server: () => undefined },
  "interim responses": {
    async server(peer) {
      const head = await peer.request();
      peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", acceptance(head), closeFrame(1000));
      peer.socket.end();
    },
  },
  "a redirect that is not followed": {
    without: ["unexpected-response"],
    server: answers("HTTP/1.1 302 Found", "Location: /there", "Content-Length: 0"),
  },
  "a redirect": {
    options: { followRedirects: true, headers: { Authorization: "secret", Cookie: "c", "X-Other": "x" } },
    async server(peer, index) {
      if (index === 0) return answers("HTTP/1.1 302 Found", "Location: /there?q", "Content-Length: 0")(peer);
      await peer.accept(`X-Head: ${/^GET \S+/.exec(await peer.request())![0]}`);
      peer.write(closeFrame(1000));
      await peer.ended();
      peer.socket.end();
    },
    client: ({ ws, log, peers }) =>
      void ws.on("upgrade", ({ headers }) =>
        log.push(
          String(headers["x-head"]),
          ...peers[1]!.head
            .split("\r\n")
            .map((line) => line.toLowerCase())
            .filter((line) => /^(auth|cookie|x-)/.test(line))
            .sort(),
        ),
      ),
  },
  "a redirect to another host": {
    without: ["redirect"],
    options: { followRedirects: true, headers: { authorization: "secret", cookie: "c", "x-other": "x" } },
    async server(peer, index) {
      if (index === 0) {
        const port = /host: 127.0.0.1:(\d+)/i.exec(await peer.request())![1]!;
        return answers(
          "HTTP/1.1 307 X",
          `Location: ws://user:pw@localhost:${port}/`,
          "Content-Length: 0",
        )(peer);
      }
      await peer.accept();
      peer.write(closeFrame(1000));
      await peer.ended();
      peer.socket.end();
    },
    client: ({ ws, log, peers }) =>
      void ws.on("upgrade", () =>
        log.push(
          ...peers[1]!.head
            .split("\r\n")
            .map((line) => line.toLowerCase())
            .filter((line) => /^(auth|cookie|x-)/.test(line))
            .sort(),
        ),
      ),
  },
  "too many redirects": {
    options: { followRedirects: true, maxRedirects: 2 },
    server: answers("HTTP/1.1 302 Found", "Location: /", "Content-Length: 0"),
  },
  "a redirect to an invalid URL": {
    options: { followRedirects: true },
    server: answers("HTTP/1.1 302 Found", "Location: http://", "Content-Length: 0"),
  },
  "a redirect to another scheme": {
    differs: "end",
    options: { followRedirects: true },
    server: answers("HTTP/1.1 302 Found", "Location: ftp://127.0.0.1/", "Content-Length: 0"),
  },
  "close() in the event redirect": {
    options: { followRedirects: true },
    server: answers("HTTP/1.1 302 Found", "Location: /x", "Content-Length: 0"),
    client: ({ ws }) => void ws.on("redirect", () => ws.close()),
  },
  "terminate() before the handshake": { differs: "end", client: ({ ws }) => ws.terminate() },
  "close() before the handshake": { differs: "end", client: ({ ws }) => ws.close(1000) },
  "terminate() during the handshake": {
    server: async (peer) => {
      await peer.request();
    },
    client: ({ ws, peers }) =>
      waitFor(
        () => peers.length > 0 && peers[0]!.head !== "",
        () => ws.terminate(),
      ),
  },
  "terminate() in the event upgrade": { client: ({ ws }) => void ws.on("upgrade", () => ws.terminate()) },
  "close() in the event upgrade": { client: ({ ws }) => void ws.on("upgrade", () => ws.close()) },
  "terminate() in the event open": { client: afterOpen(({ ws }) => ws.terminate()) },
  "terminate() in the event message": {
    server: sends(serverFrame(1, "one")),
    client: ({ ws }) => void ws.on("message", () => ws.terminate()),
  },
  "terminate() in the event error": {
    options: { perMessageDeflate: false },
    server: sends(serverFrame(3, "")),
    client: ({ ws }) => void ws.on("error", () => ws.terminate()),
  },
  "send() before the handshake": {
    differs: "end",
    client: ({ ws, log }) => {
      for (const call of [() => ws.send("x"), () => ws.ping(), () => ws.pong()]) {
        try {
          call();
        } catch (error) {
          log.push(String(error));
        }
      }
      ws.pause();
      ws.resume();
      ws.terminate();
    },
  },
  "a listener of message that throws": {
    differs: "end",
    server: sends(serverFrame(1, "one"), closeFrame(1000)),
    client: ({ ws, finish }) => {
      process.once("uncaughtException", () => setImmediate(finish));
      ws.on("message", () => {
        throw new Error("listener");
      });
    },
  },
  "event objects": {
    isClosedByServer: true,
    server: sends(serverFrame(2, "b"), serverFrame(1, "t"), closeFrame(4000, "reason")),
    client: ({ ws, log }) => {
      const listener = (event: object): void => {
        const { type, target, data, code, reason, wasClean } = event as Record<string, unknown>;
        log.push([type, target === ws, shown(data), code, reason, wasClean].join("|"));
      };
      for (const type of ["open", "message", "close", "error"] as const) {
        ws.addEventListener(type, listener);
        ws.addEventListener(type, listener);
        ws.addEventListener(
          type,
          { handleEvent: (event) => log.push(`object ${event.type}`) },
          { once: true },
        );
      }
      ws.onmessage = ({ data }) => void log.push(`onmessage ${shown(data)}`);
      ws.onopen = null;
      log.push(String(ws.onopen), String(ws.onclose), String(ws.listenerCount("message")));
      ws.removeEventListener("open", listener);
    },
  },
  "a once listener of message": {
    server: sends(serverFrame(1, "one"), serverFrame(1, "two"), closeFrame(1000)),
    client: ({ ws, log }) => {
      ws.addEventListener("message", ({ data }) => void log.push(`once ${shown(data)}`), { once: true });
      ws.onmessage = ({ data }) => {
        log.push(`attribute ${shown(data)}`);
        ws.onmessage = null;
      };
    },
  },
  "pause() and resume()": {
    async server(peer) {
      await peer.accept();
      await peer.received(1);
      peer.write(serverFrame(1, "one"), serverFrame(9, "p"));
      await peer.received(2);
      peer.write(closeFrame(1000));
      await peer.ended();
      peer.socket.end();
    },
    client: afterOpen(({ ws, log }) => {
      ws.pause();
      log.push(String(ws.isPaused));
      ws.send("start");
      setTimeout(() => {
        log.push("resume");
        ws.resume();
        log.push(String(ws.isPaused));
      }, 50);
    }),
  },
  "terminate() while paused": {
    client: afterOpen(({ ws }) => {
      ws.pause();
      setTimeout(() => ws.terminate(), 30);
    }),
  },
  "allowSynchronousEvents: false": {
    options: { allowSynchronousEvents: false },
    server: sends(
      serverFrame(1, "one"),
      serverFrame(1, "two"),
      serverFrame(9, "p"),
      serverFrame(1, "three"),
      closeFrame(1000),
    ),
    client: ({ ws, log }) => void ws.on("message", () => void setImmediate(() => log.push("tick"))),
  },
  "a stream": {
    async server(peer) {
      await peer.accept();
      await peer.received(2);
      peer.write(serverFrame(2, "one"), serverFrame(1, "two"));
      await closing(peer, 3);
    },
    client: ({ log, notes, stream }) => {
      const duplex = stream();
      for (const name of ["end", "close", "error"]) duplex.on(name, () => log.push(`stream ${name}`));
      // `ws` emits it when the socket has sent its last byte, before the event `close`.
      duplex.on("finish", () => notes.push("stream finish"));
      let size = 0;
      duplex.on("data", (bytes: Buffer) => {
        size += bytes.length;
        if (size === 6) duplex.end();
      });
      duplex.write("written", () => log.push("written"));
      duplex.write(Buffer.from("bytes"));
    },
  },
  "a stream of objects and strings": {
    server: sends(serverFrame(2, "one"), serverFrame(1, "two"), closeFrame(1000)),
    client: ({ log, stream }) => {
      const duplex = stream({ readableObjectMode: true, decodeStrings: false });
      duplex.on("data", (value: unknown) => log.push(`data ${typeof value} ${shown(value)}`));
      duplex.on("end", () => log.push("stream end"));
      duplex.write("text");
    },
  },
  "a stream with back-pressure": {
    options: { perMessageDeflate: false },
    server: sends(...Array.from({ length: 30 }, () => serverFrame(2, big)), closeFrame(1000)),
    client: ({ log, notes, stream, ws }) => {
      const duplex = stream({ highWaterMark: 1000 });
      log.length = 0;
      let size = 0;
      const read = async (): Promise<void> => {
        for await (const bytes of duplex) {
          size += (bytes as Buffer).length;
          if (ws.isPaused) notes[0] = "was paused";
          await new Promise(setImmediate);
        }
        log.push(`size ${size}`);
      };
      void read();
    },
  },
  "a stream that is destroyed": {
    client: ({ ws, log, stream }) => {
      const duplex = stream();
      for (const name of ["finish", "end", "close", "error"])
        duplex.on(name, () => log.push(`stream ${name}`));
      ws.on("open", () => duplex.destroy(new Error("mine")));
    },
  },
  "a stream of a connection that fails": {
    without: ["unexpected-response"],
    server: answers("HTTP/1.1 500 No", "Content-Length: 0"),
    client: ({ log, stream }) => {
      const duplex = stream();
      duplex.on("error", (error) => log.push(`stream ${shown(error)}`));
      duplex.on("close", () => log.push("stream close"));
    },
  },
  "a stream of a connection with an invalid frame": {
    options: { perMessageDeflate: false },
    server: sends(serverFrame(1, "x"), serverFrame(3, "")),
    client: ({ log, stream }) => {
      const duplex = stream();
      duplex.on("error", (error) => log.push(`stream ${shown(error)}`));
      duplex.on("close", () => log.push("stream close"));
      duplex.resume();
    },
  },
  "header fields, origin and authorization": {
    options: { headers: { "X-A": "1", "x-list": ["a", "b"] }, origin: "http://origin.test", auth: "u:p" },
    server: sends(closeFrame(1000)),
    client: ({ ws, log, peers }) =>
      void ws.on("upgrade", () =>
        log.push(
          ...peers[0]!.head
            .toLowerCase()
            .split("\r\n")
            .filter((line) => /^(get|origin|authorization|x-)/.test(line))
            .sort(),
        ),
      ),
    path: "/p%20q?a=b",
  },
};

function sendsAfter(lines: readonly string[]) {
  return async (peer: Peer): Promise<void> => {
    await peer.accept(...lines);
    peer.write(closeFrame(1000));
    await peer.ended();
    peer.socket.end();
  };
}

function waitFor(isDone: () => boolean, then: () => void): void {
  if (isDone()) then();
  else setImmediate(() => waitFor(isDone, then));
}

describe("jetsocket/ws and the package ws emit and send the same", () => {
  it.each(Object.entries(scenarios))("%s", async (_name, scenario) => {
    const expected = await runWith(original, scenario);
    expect(await runWith(own, scenario)).toEqual(expected);
  });
});

describe("a refused connection", () => {
  it("has the error of Node", async () => {
    const record = async ({ type }: Implementation): Promise<unknown> => {
      const server = new PeerServer(() => undefined);
      const port = await server.listen();
      await server.close();
      const ws = new type(`ws://127.0.0.1:${port}`);
      return new Promise((resolve) => {
        ws.on("error", ({ code, syscall, errno, message }: NodeJS.ErrnoException) => {
          ws.on("close", (...close) => resolve({ code, syscall, errno, message: plain(message), close }));
        });
      });
    };
    expect(await record(own)).toEqual(await record(original));
  });
});
