import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  BufferOverflowError,
  CloseError,
  InvalidStateError,
  JetSocket,
  JetSocketError,
  TimeoutError,
  WebSocket,
} from "../../src/index.js";
import type { VirtualLink } from "../support/virtual-link.js";
import { VirtualScene } from "../support/virtual-scene.js";
import { binaryFrame, closeFrame, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

let scene: VirtualScene;

beforeEach(() => {
  scene = new VirtualScene();
});

afterEach(() => scene.finish());

describe("the properties for modules that are built on the client", () => {
  it("are the runtime, and the time limit of onConnection if the client has this option", () => {
    const { runtime } = scene.counting;
    const url = "ws://feed.test/";
    const plain = new WebSocket(url, { runtime });
    const hooked = new WebSocket(url, { runtime, onConnection: () => undefined, setupTimeout: 1_234 });
    expect([plain.runtime, hooked.runtime]).toEqual([runtime, runtime]);
    expect([plain.setupTimeout, hooked.setupTimeout]).toEqual([undefined, 1_234]);
    expect(new WebSocket(url, { onConnection: () => undefined }).setupTimeout).toBe(10_000);
  });
});

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  await scene.pass();
  return promise.then(
    () => "no error",
    (error: unknown) => error,
  );
}

/** Opens a client with the default serializer and deserializer. */
async function openJson(): Promise<{ ws: WebSocket; link: VirtualLink }> {
  const ws = new WebSocket("ws://feed.test/", { runtime: scene.counting.runtime });
  ws.connect().catch(() => undefined);
  await scene.pass();
  const { link } = scene;
  link.peer.accept();
  await scene.pass();
  link.answer();
  await scene.pass();
  return { ws, link };
}

describe("options at the position of another argument", () => {
  it.each([
    ["close({ timeout })", "third", (ws: WebSocket) => ws.close({ timeout: 1 } as never)],
    ["close(1000, { timeout })", "third", (ws: WebSocket) => ws.close(1000, { timeout: 1 } as never)],
    ["rotate({ timeout })", "second", (ws: WebSocket) => ws.rotate({ timeout: 1 } as never)],
  ])("reject with a hint to the correct position: %s", async (_call, position, call) => {
    const ws = new WebSocket("ws://feed.test/");
    await expect(call(ws)).rejects.toThrow(new RegExp(`^The options of .* are the ${position} argument`));
    expect(ws.state).toBe("idle");
  });
});

describe("the constructor", () => {
  it("does not open a connection", async () => {
    const { ws } = scene.watch();
    await scene.pass();
    expect([ws.state, ws.url, ws.subprotocol, ws.extensions]).toEqual([
      "idle",
      "ws://feed.test/trades",
      "",
      "",
    ]);
    expect([ws.bufferedAmount, ws.lastReport, scene.clock.peers]).toEqual([0, undefined, []]);
    expect(scene.watch({}, () => "ws://feed.test/").ws.url).toBe("");
  });

  it("is exported under both names", () => expect(JetSocket).toBe(WebSocket));

  it.each([
    ["nonsense", {}, TypeError],
    [5, {}, TypeError],
    [undefined, {}, TypeError],
    ["ws://feed.test/", { reconect: true }, TypeError],
    ["ws://feed.test/", { closeTimeout: 0 }, RangeError],
    ["ws://feed.test/", { headers: { Upgrade: "x" } }, TypeError],
    ["ws://feed.test/", { subprotocols: "a b" }, TypeError],
    ["ws://feed.test/", null, TypeError],
  ])("throws for %j, %j", (url, options, type) => {
    expect(() => new WebSocket(url as never, options as never)).toThrow(type);
  });

  it.each([[undefined], [{}]])("refuses options as the third argument, after %j", (options) => {
    const args = ["ws://feed.test/", options, { headers: { "X-Feed": "trades" } }] as never[];
    expect(() => Reflect.construct(WebSocket, args) as unknown).toThrow(
      "The options are the second and last argument",
    );
    expect(() => Reflect.construct(WebSocket, [...args.slice(0, 2), undefined]) as unknown).not.toThrow();
  });

  it("sends the credentials of the URL, but does not expose them", async () => {
    const client = scene.watch({}, new URL("ws://user:secret@feed.test/?token=secret"));
    const link = await scene.dial(client);
    expect(link.head).toContain("GET /?token=secret HTTP/1.1\r\n");
    expect(link.fields("Authorization")).toEqual([`Basic ${Buffer.from("user:secret").toString("base64")}`]);
    expect(client.ws.url).toBe("ws://feed.test/?token=***");
  });
});

describe("the handshake", () => {
  it("reports the negotiated subprotocol and extension", async () => {
    const { client, ws, link } = await scene.open(
      { subprotocols: ["chat", "feed"] },
      { fields: ["Sec-WebSocket-Protocol: feed", "Sec-WebSocket-Extensions: permessage-deflate"] },
    );
    expect(link.fields("Sec-WebSocket-Protocol")).toEqual(["chat, feed"]);
    expect([ws.subprotocol, ws.extensions]).toEqual(["feed", "permessage-deflate"]);
    expect(client.all("connected")).toEqual([
      { url: "ws://feed.test/trades", subprotocol: "feed", extensions: "permessage-deflate" },
    ]);
  });

  it("offers compression by default, and not with compress: false", async () => {
    const link = await scene.dial(scene.watch());
    expect(link.fields("Sec-WebSocket-Extensions")).toEqual(["permessage-deflate; client_max_window_bits"]);
    const plain = await scene.dial(scene.watch({ compress: false }));
    expect(plain.fields("Sec-WebSocket-Extensions")).toEqual([]);
  });
});

describe("the default serializer and deserializer", () => {
  it("use JSON for objects and leave strings and bytes unchanged", async () => {
    const { ws, link } = await openJson();
    await ws.send({ type: "subscribe", channel: "trades" });
    await ws.send("as it is");
    await ws.send(Uint8Array.of(1, 2));
    await scene.pass();
    expect(link.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [opcodes.text, '{"type":"subscribe","channel":"trades"}'],
      [opcodes.text, "as it is"],
      [opcodes.binary, "\u0001\u0002"],
    ]);
    link.send(textFrame('{"price":5}'), binaryFrame(Uint8Array.of(3)));
    await scene.pass();
    expect([await ws.recv(), await ws.recv()]).toEqual([{ price: 5 }, Buffer.of(3)]);
    ws.terminate();
    await scene.pass();
  });

  it("reject and report a value that has no JSON form", async () => {
    const { ws } = await openJson();
    const reports: unknown[] = [];
    ws.on("error", (event) => reports.push(event));
    const error = await errorOf(ws.send(undefined));
    expect(error).toBeInstanceOf(TypeError);
    expect(reports).toEqual([{ error, isFatal: false }]);
    expect(() => ws.trySend(undefined)).toThrow(TypeError);
    expect(ws.stats().messagesSent).toBe(0);
    ws.terminate();
    await scene.pass();
  });

  it("drop a text that begins like JSON but is not JSON, with an error", async () => {
    const { ws, link } = await openJson();
    const reports: unknown[] = [];
    ws.on("error", ({ error }) => reports.push(error));
    ws.on("dropped", (event) => reports.push(event));
    link.send(textFrame("{no JSON"), textFrame("[5]"));
    await scene.pass();
    expect(await ws.recv()).toEqual([5]);
    expect(reports).toEqual([
      { direction: "in", message: "{no JSON", cause: "decode" },
      expect.objectContaining({ code: "DECODE_FAILED", cause: expect.any(SyntaxError) as unknown }),
    ]);
    ws.terminate();
    await scene.pass();
  });

  it("return a text that does not begin like JSON as a string", async () => {
    const { ws, link } = await openJson();
    const texts = ["hello", "5", "null", '"quoted"', "", " ", "-[1]"];
    link.send(...texts.map((text) => textFrame(text)));
    await scene.pass();
    for (const text of texts) expect(await ws.recv()).toBe(text);
    ws.terminate();
    await scene.pass();
  });
});

describe("a message that cannot be decoded", () => {
  const warningsOf = async (prepare: (ws: WebSocket) => unknown): Promise<unknown[]> => {
    const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
    const { ws, link } = await openJson();
    prepare(ws);
    link.send(textFrame("{"), textFrame("["), textFrame('{"a":1}'));
    await scene.pass();
    expect(await ws.recv()).toEqual({ a: 1 });
    ws.terminate();
    await scene.pass();
    const warnings = warn.mock.calls.map(([warning]) => warning);
    warn.mockRestore();
    return warnings;
  };

  it("causes one process warning per client if there is no listener", async () => {
    const [warning, ...others] = await warningsOf(() => undefined);
    expect(others).toEqual([]);
    expect(warning).toBeInstanceOf(JetSocketError);
    expect(warning).toMatchObject({ code: "DECODE_FAILED", cause: expect.any(SyntaxError) as unknown });
    expect((warning as Error).message).toMatch(/^A message from ws:.* was dropped, .*JSON.*"dropped".*raw/);
  });

  it.each(["error", "dropped"] as const)("causes no warning if there is a listener of %s", async (name) => {
    expect(await warningsOf((ws) => ws.on(name, () => undefined))).toEqual([]);
  });

  it("causes a warning if there are only listeners of other events", async () => {
    const listen = (ws: WebSocket): unknown =>
      ws.on("closed", () => undefined).on("disconnected", () => undefined);
    expect(await warningsOf(listen)).toHaveLength(1);
  });
});

describe("the options serializer and deserializer", () => {
  it("convert sent and received messages", async () => {
    const seen: unknown[] = [];
    const { ws, link } = await scene.open({
      serializer: (value) => `<${value.toString()}>`,
      deserializer: (data, isBinary) => {
        seen.push([data, isBinary]);
        return data;
      },
    });
    await ws.send("a");
    link.send(textFrame("b"), binaryFrame(Buffer.from("c")));
    await scene.pass();
    expect(link.texts).toEqual(["<a>"]);
    expect(seen).toEqual([
      ["b", false],
      [Buffer.from("c"), true],
    ]);
  });

  it("affect only one call or message when they throw", async () => {
    const failure = new Error("mine");
    const fail = (): never => {
      throw failure;
    };
    const { client, ws, link } = await scene.open({ serializer: fail, deserializer: fail });
    expect(await errorOf(ws.send("a"))).toBe(failure);
    link.send(textFrame("b"));
    await scene.pass();
    expect(client.all("error").map(({ error }) => error)).toEqual([
      failure,
      expect.objectContaining({ cause: failure }),
    ]);
    expect(ws.state).toBe("connected");
  });
});

describe("sendRaw()", () => {
  it("sends all types of data in the order of the calls", async () => {
    const { ws, link } = await scene.open();
    const bytes = Buffer.from("bytes");
    void ws.sendRaw("text");
    void ws.sendRaw(new Blob(["blob"]));
    void ws.sendRaw(bytes);
    bytes.fill("z");
    void ws.sendRaw("binary", { binary: true });
    void ws.sendRaw(Uint8Array.from(Buffer.from("text too")).buffer, { binary: false });
    void ws.sendRaw(new Blob(["blob as text"]), { binary: false });
    for (let round = 0; round < 10; round++) await scene.pass();
    expect(link.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [opcodes.text, "text"],
      [opcodes.binary, "blob"],
      [opcodes.binary, "bytes"],
      [opcodes.binary, "binary"],
      [opcodes.text, "text too"],
      [opcodes.text, "blob as text"],
    ]);
    expect(ws.stats().messagesSent).toBe(6);
  });

  it("rejects and reports invalid data", async () => {
    const { client, ws } = await scene.open();
    const errors = [
      await errorOf(ws.sendRaw(5 as never)),
      await errorOf(ws.sendRaw(Buffer.of(0xff), { binary: false })),
    ];
    expect(errors).toEqual([expect.any(TypeError), expect.any(TypeError)]);
    expect(client.all("error")).toEqual(errors.map((error) => ({ error, isFatal: false })));
  });

  it("does not count a message whose Blob cannot be read", async () => {
    const { client, ws } = await scene.open();
    const error = await errorOf(ws.sendRaw(new Blob([Buffer.of(0xff)]), { binary: false }));
    expect(error).toBeInstanceOf(TypeError);
    expect(client.all("error")).toEqual([{ error, isFatal: false }]);
    expect(ws.stats().messagesSent).toBe(0);
  });
});

describe("trySend()", () => {
  it("returns the result synchronously", async () => {
    const { client, ws, link } = await scene.open({ highWaterMark: 20, maxBufferedAmount: 60 });
    link.peer.takesWrites = false;
    expect([ws.trySend("x".repeat(20)), ws.trySend("y".repeat(20)), ws.trySend("z".repeat(20))]).toEqual([
      ...["sent", "queued", "dropped"],
    ]);
    expect([client.all("error"), ws.stats().messagesSent]).toEqual([[], 2]);
    ws.terminate();
    expect(ws.trySend("late")).toBe("dropped");
    expect(scene.watch().ws.trySend("early")).toBe("dropped");
  });
});

describe("messages that wait to be sent", () => {
  it("are limited by maxBufferedAmount, counted and reported", async () => {
    const { client, ws, link } = await scene.open({
      highWaterMark: 100,
      lowWaterMark: 50,
      maxBufferedAmount: 200,
    });
    link.peer.takesWrites = false;
    const sending = ws.send("x".repeat(150));
    const error = await errorOf(ws.send("y".repeat(100)));
    expect(error).toBeInstanceOf(BufferOverflowError);
    expect(client.all("error")).toEqual([{ error, isFatal: false }]);
    expect([ws.bufferedAmount, ws.stats().bufferedAmount, ws.stats().messagesSent]).toEqual([158, 158, 1]);
    link.peer.take();
    await scene.pass();
    await sending;
    expect([client.all("drain").length, ws.bufferedAmount]).toEqual([1, 0]);
  });

  it("can be withdrawn, which is reported and not counted", async () => {
    const { client, ws, link } = await scene.open({ highWaterMark: 10 });
    link.peer.takesWrites = false;
    const controller = new AbortController();
    void ws.send("x".repeat(20));
    const promises = [ws.send("a", { timeout: 30 }), ws.send("b", { signal: controller.signal })];
    controller.abort("why");
    await scene.pass(30);
    const errors = await Promise.all(promises.map(errorOf));
    expect(errors).toEqual([expect.any(TimeoutError), "why"]);
    expect(client.all("error").map(({ error }) => error.message)).toEqual([
      "A call failed with 'why'",
      (errors[0] as Error).message,
    ]);
    expect(ws.stats().messagesSent).toBe(1);
  });

  it.each([null, undefined, "text", 5])("can be withdrawn with the reason %s", async (reason) => {
    const { client, ws, link } = await scene.open({ highWaterMark: 1 });
    link.peer.takesWrites = false;
    void ws.send("x");
    const controller = new AbortController();
    const promise = ws.send("y", { signal: controller.signal });
    controller.abort(reason);
    const error = await errorOf(promise);
    if (reason !== undefined) expect(error).toBe(reason);
    expect(client.all("error")).toEqual([{ error: expect.any(Error) as unknown, isFatal: false }]);
  });

  it("are passed to the kernel before flush() resolves", async () => {
    const { ws, link } = await scene.open();
    void ws.send("a");
    expect(link.frames).toEqual([]);
    const flush = ws.flush();
    await scene.pass();
    await flush;
    expect(link.texts).toEqual(["a"]);
  });

  it("are written during a loop of awaited sends, which does not block timers", async () => {
    const { ws, link } = await scene.open();
    const stop = new AbortController();
    scene.clock.setTimer(20, () => stop.abort());
    let count = 0;
    const loop = async (): Promise<void> => {
      for (; !stop.signal.aborted; count++) {
        scene.clock.stall(0.1);
        await ws.send("x".repeat(1_000));
      }
    };
    const looping = loop();
    await scene.pass();
    await looping;
    await ws.flush();
    expect(count).toBeGreaterThan(64);
    expect(link.frames.length).toBe(count);
    expect(Math.max(...link.writes.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
  });
});

describe("ping() and pong()", () => {
  it("measure the round-trip time and emit events", async () => {
    const { client, ws, link } = await scene.open({ autoPong: false });
    const round = ws.ping();
    await scene.pass(25);
    const [ping] = link.frames;
    expect([ping?.opcode, ping?.payload.length]).toEqual([opcodes.ping, 8]);
    link.send(pongFrame(ping!.payload), pingFrame("theirs"));
    await scene.pass();
    expect([await round, ws.stats().latencyMs, ws.stats().histograms.latencyMs]).toEqual([
      25,
      25,
      expect.objectContaining({ count: 1, last: 25, mean: 25, p50: 25, p99: 25, min: 25, max: 25 }),
    ]);
    expect(client.all("pong")).toEqual([{ payload: ping!.payload, latencyMs: 25 }]);
    expect(client.all("ping")).toEqual([{ payload: Buffer.from("theirs") }]);
    await ws.pong(Buffer.from("theirs"));
    await ws.pong();
    await scene.pass();
    expect(link.texts.slice(1)).toEqual(["theirs", ""]);
  });

  it("use a unique payload for each ping by default", async () => {
    const { ws, link } = await scene.open();
    void ws.ping();
    void ws.ping();
    void ws.ping({ payload: Buffer.from("given") });
    await scene.pass();
    expect(new Set(link.texts).size).toBe(3);
    expect(link.texts[2]).toBe("given");
  });

  it("do not update latencyMs for an unsolicited pong", async () => {
    const { client, ws, link } = await scene.open();
    link.send(pongFrame("hello"));
    await scene.pass();
    expect(client.all("pong")).toEqual([{ payload: Buffer.from("hello"), latencyMs: undefined }]);
    expect(ws.stats().latencyMs).toBeUndefined();
  });

  it("reject and report an invalid payload", async () => {
    const { client, ws } = await scene.open();
    const large = Buffer.alloc(126);
    const errors = await Promise.all(
      [
        ws.ping({ payload: large, timeout: 60_000 }),
        ws.pong(large),
        ws.ping({ payload: "x" as never }),
        ws.pong(5 as never),
      ].map(errorOf),
    );
    expect(errors).toEqual([
      ...Array<unknown>(2).fill(expect.any(RangeError)),
      ...Array<unknown>(2).fill(expect.any(TypeError)),
    ]);
    expect(client.all("error").map(({ error }) => error)).toEqual(errors);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("report a ping that timed out or was aborted", async () => {
    const { client, ws } = await scene.open();
    const pings = [ws.ping({ timeout: 40 }), ws.ping({ signal: AbortSignal.abort(new Error("stop")) })];
    await scene.pass(40);
    const errors = await Promise.all(pings.map(errorOf));
    expect(errors).toEqual([expect.any(TimeoutError), new Error("stop")]);
    expect(client.all("error").map(({ error }) => error)).toEqual([errors[1], errors[0]]);
  });
});

describe("a call in the wrong state or with an invalid argument", () => {
  it.each(["idle", "connecting", "closing", "closed", "failed"])(
    "rejects and is reported while the client is %s",
    async (when) => {
      const client = scene.watch();
      const { ws } = client;
      if (when !== "idle") {
        const link = await scene.dial(client);
        if (when !== "connecting") link.answer();
        await scene.pass();
        if (when === "failed") link.peer.reset();
        if (when === "closing" || when === "closed") void ws.close();
        if (when === "closed") link.send(closeFrame(1000));
        if (when === "closed") link.peer.end();
        await scene.pass();
      }
      const before = client.all("error").length;
      const errors = await Promise.all([ws.send("a"), ws.sendRaw("a"), ws.ping(), ws.pong()].map(errorOf));
      const names = ["send", "sendRaw", "ping", "pong"];
      for (const [index, error] of errors.entries()) {
        expect(error).toBeInstanceOf(InvalidStateError);
        expect((error as InvalidStateError).state).toBe(ws.state);
        expect(String(error)).toContain(
          `${names[index] ?? ""}() is not possible while the client is ${ws.state}. `,
        );
      }
      expect(
        client
          .all("error")
          .slice(before)
          .map(({ error }) => error),
      ).toEqual(errors);
      if (when !== "closing") expect(await errorOf(ws.flush())).toBeInstanceOf(InvalidStateError);
      expect(scene.counting.openTimers).toBeLessThanOrEqual(1);
    },
  );

  it.each(["rotate", "reconnect"] as const)("rejects: %s() before connect()", async (call) => {
    const { ws } = scene.watch();
    const error = await errorOf(ws[call]());
    expect(error).toBeInstanceOf(InvalidStateError);
    expect(String(error)).toContain(`${call}() is not possible while the client is idle. `);
  });

  it.each([
    ["x".repeat(124), undefined, RangeError],
    ["", { timeout: -1 }, TypeError],
  ])("rejects: rotate() with an invalid argument", async (reason, options, type) => {
    const { ws, link } = await scene.open();
    expect(await errorOf(ws.rotate(reason, options))).toBeInstanceOf(type);
    await scene.pass();
    expect([ws.state, link.frames]).toEqual(["connected", []]);
  });

  it.each([
    [[999], RangeError],
    [[1005], RangeError],
    [[1000, "x".repeat(124)], RangeError],
    [["1000"], RangeError],
  ])("rejects: close(%j)", async (args, type) => {
    const { ws } = await scene.open();
    expect(await errorOf(ws.close(...(args as [number, string])))).toBeInstanceOf(type);
    expect(ws.state).toBe("connected");
  });
});

describe("reading", () => {
  it("allows one loop at a time and rejects in the second one", async () => {
    const { ws, link } = await scene.open();
    const first = ws[Symbol.asyncIterator]();
    const second = ws[Symbol.asyncIterator]();
    expect(second[Symbol.asyncIterator]()).toBe(second);
    const error = await errorOf(second.next());
    expect(error).toBeInstanceOf(InvalidStateError);
    expect(error).toMatchObject({
      state: "connected",
      message: expect.stringContaining("Another loop is open") as unknown,
    });
    await first.return?.();
    link.send(textFrame("1"));
    await scene.pass();
    expect(await ws[Symbol.asyncIterator]().next()).toEqual({ value: "1", done: false });
  });

  it("continues after the last message of a loop and loses no message", async () => {
    const { ws, link } = await scene.open();
    link.send(...["1", "2", "3", "4"].map((text) => textFrame(text)), closeFrame(1000));
    link.peer.end();
    await scene.pass();
    const seen: unknown[] = [];
    for await (const message of ws) {
      seen.push(message);
      if (seen.length === 2) break;
    }
    seen.push(await ws.recv());
    for await (const message of ws) seen.push(message);
    expect(seen).toEqual(["1", "2", "3", "4"]);
    expect(await errorOf(ws.recv())).toBeInstanceOf(CloseError);
  });

  it("does not consume a message if recv() times out", async () => {
    const { ws, link } = await scene.open();
    const late = ws.recv({ timeout: 10 });
    await scene.pass(10);
    link.send(textFrame("1"));
    expect(await errorOf(late)).toBeInstanceOf(TimeoutError);
    expect(await ws.recv()).toBe("1");
  });
});

describe("listeners", () => {
  it("can be added and removed, and each call returns the client", async () => {
    const { ws, link } = await scene.open();
    const seen: unknown[] = [];
    const listener = (event: { data: unknown }): void => void seen.push(event.data);
    expect(ws.on("message", listener).once("message", listener).off("message", listener)).toBe(ws);
    link.send(textFrame("1"));
    await scene.pass();
    ws.off("message", listener);
    link.send(textFrame("2"));
    await scene.pass();
    expect([seen, await ws.recv()]).toEqual([["1"], "2"]);
  });

  it("must be functions", () => {
    const { ws } = scene.watch();
    expect(() => ws.on("message", undefined as never)).toThrow(TypeError);
    expect(() => ws.once("message", {} as never)).toThrow(TypeError);
  });

  it("of rawMessage receive messages that are already in the inbox", async () => {
    const { ws, link } = await scene.open();
    link.send(textFrame("1"), binaryFrame(Buffer.from("2")));
    await scene.pass();
    const seen: unknown[] = [];
    ws.on("rawMessage", (event) => seen.push(event));
    await scene.pass();
    expect(seen).toEqual([
      { data: "1", isBinary: false },
      { data: Buffer.from("2"), isBinary: true },
    ]);
  });
});

describe("await using", () => {
  it("closes with 1000 at the end of the scope", async () => {
    const { ws, link } = await scene.open();
    const scope = async (): Promise<void> => {
      await using client = ws;
      await client.send("inside");
    };
    const left = scope();
    await scene.pass();
    link.send(closeFrame(1000));
    link.peer.end();
    await scene.pass();
    await left;
    expect([ws.state, link.frames.at(-1)?.payload.readUInt16BE(0)]).toEqual(["closed", 1000]);
  });
});

describe("recv({ match })", () => {
  it("consumes the matching message and keeps the order of the others", async () => {
    const { ws, link } = await openJson();
    const matching = ws.recv({ match: (message) => (message as { id?: number }).id === 7 });
    link.send(...['{"id":1}', '{"id":7}', '{"id":2}'].map((text) => textFrame(text)));
    await scene.pass();
    expect(await matching).toEqual({ id: 7 });
    expect([await ws.recv(), await ws.recv()]).toEqual([{ id: 1 }, { id: 2 }]);
    ws.terminate();
  });

  it("waits before the first connection and across a reconnect", async () => {
    const client = scene.watch({ reconnect: true, backoff: { base: 10, jitter: false } });
    const matching = client.ws.recv({ match: (message) => message === "2" });
    const first = await scene.dial(client);
    first.answer();
    first.send(textFrame("1"));
    await scene.pass();
    first.peer.reset();
    await scene.pass(10);
    const second = scene.link;
    second.peer.accept();
    await scene.pass();
    second.answer();
    second.send(textFrame("2"));
    await scene.pass();
    expect([await matching, await client.ws.recv()]).toEqual(["2", "1"]);
  });

  it("rejects when reading pauses without a matching message, and keeps the connection", async () => {
    const { client, ws, link } = await scene.open({ buffer: 2 });
    const matching = errorOf(ws.recv({ match: (message) => message === "9", timeout: 60_000 }));
    link.send(...["1", "2", "9"].map((text) => textFrame(text)));
    await scene.pass();
    expect(await matching).toBeInstanceOf(BufferOverflowError);
    expect([client.all("paused").length, await ws.recv(), ws.state]).toEqual([1, "1", "connected"]);
  });

  it("rejects with the error of the end, or for an invalid option", async () => {
    const { ws, link } = await scene.open();
    const matching = errorOf(ws.recv({ match: () => false }));
    expect(await errorOf(ws.recv({ match: 5 as never }))).toBeInstanceOf(TypeError);
    expect(await errorOf(ws.recv({ filter: () => true } as never))).toBeInstanceOf(TypeError);
    link.peer.reset();
    await scene.pass();
    expect(await matching).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("instanceof", () => {
  class Derived extends WebSocket {}
  class Further extends Derived {}

  it("is true for an instance of another copy of the package and of its subclasses", async () => {
    vi.resetModules();
    const other = await import("../../src/index.js");
    expect(other.WebSocket).not.toBe(WebSocket);
    class OtherDerived extends other.WebSocket {}
    const [ours, theirs] = [new WebSocket("ws://a.test/"), new other.WebSocket("ws://a.test/")];
    const pairs = [theirs instanceof WebSocket, ours instanceof other.WebSocket, theirs instanceof JetSocket];
    expect(pairs).toEqual([true, true, true]);
    expect(new OtherDerived("ws://a.test/") instanceof WebSocket).toBe(true);
    expect([theirs instanceof Derived, ours instanceof OtherDerived]).toEqual([false, false]);
  });

  it("distinguishes subclasses", () => {
    const [ours, derived, further] = [WebSocket, Derived, Further].map((type) => new type("ws://a.test/"));
    expect([ours, derived, further].map((one) => one instanceof WebSocket)).toEqual([true, true, true]);
    expect([ours, derived, further].map((one) => one instanceof Derived)).toEqual([false, true, true]);
    expect([ours, derived, further].map((one) => one instanceof Further)).toEqual([false, false, true]);
  });

  it.each([undefined, null, 5, "text", {}, [], WebSocket, () => undefined])("is false for %o", (value) => {
    expect(value instanceof WebSocket).toBe(false);
  });
});
