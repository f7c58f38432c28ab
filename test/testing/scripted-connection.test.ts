import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/errors.js";
import { ClientGoneError } from "../../src/testing/inbox.js";
import { type ScriptedAccept, ScriptedConnection } from "../../src/testing/scripted-connection.js";
import { testResources } from "../support/protocol-end.js";
import { RecordingStream } from "../support/recording-stream.js";
import { binaryFrame, closeFrame, pingFrame, pongFrame, textFrame } from "../support/wire.js";

const mask = { mask: true } as const;

function requestOf(...fields: readonly string[]): Buffer {
  const lines = [
    ...["GET /feed HTTP/1.1", "Host: feed.test", "Upgrade: websocket", "Connection: Upgrade"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", ...fields],
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

const request = requestOf();

/** Closed after each test, which settles the promise `closed` of their connections. */
const scenes: Scene[] = [];

afterEach(() => {
  for (const { connection, stream } of scenes.splice(0)) if (!connection.isGone) stream.handler.onClose();
});

/** A connection on a recording stream. */
class Scene {
  readonly stream = new RecordingStream();
  requestCount = 0;
  closedCount = 0;
  readonly connection = new ScriptedConnection(this.stream, {
    resources: testResources(),
    onRequest: () => this.requestCount++,
    onClosed: () => this.closedCount++,
  });

  constructor() {
    scenes.push(this);
  }

  /** Receives `bytes` from the client, and completes the writes that follow. */
  receive(...all: readonly Uint8Array[]): this {
    for (const bytes of all) this.stream.handler.onData(Buffer.from(bytes));
    this.stream.completeAll();
    return this;
  }

  /** Accepts a request and forgets the calls until then. */
  open(options?: ScriptedAccept, head: Buffer = request): this {
    this.receive(head);
    this.connection.accept(options);
    this.takeCalls();
    return this;
  }

  /** Completes all writes and returns the calls of the stream since the last time. */
  takeCalls(): readonly string[] {
    this.stream.completeAll();
    return this.stream.calls.splice(0);
  }
}

/** The bytes as {@link RecordingStream} records them. */
function recorded(bytes: Buffer): string {
  return bytes.toString("latin1");
}

function opened(): Scene {
  return new Scene().open();
}

describe("the request", () => {
  it("is passed on once, when its last byte has arrived", () => {
    const scene = new Scene();
    const { connection } = scene;
    scene.receive(request.subarray(0, 30), request.subarray(30, -1));
    expect(scene.requestCount).toBe(0);
    expect(() => connection.request).toThrow(Error);
    scene.receive(request.subarray(-1));
    expect(scene.requestCount).toBe(1);
    expect(connection.request.resource).toBe("/feed");
    expect(scene.takeCalls()).toEqual([]);
  });

  it("is rejected automatically if it is invalid", () => {
    const scene = new Scene().receive(Buffer.from("PUT / HTTP/1.1\r\nHost: feed.test\r\n\r\n"));
    expect(scene.requestCount).toBe(0);
    const calls = scene.takeCalls();
    expect(calls[0]).toMatch(/^HTTP\/1\.1 405 /);
    expect(calls.slice(1)).toEqual(["(end)"]);
  });
});

describe("accept()", () => {
  it("writes a 101 response without an extension and a subprotocol by default", () => {
    const head = requestOf("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate");
    const scene = new Scene().receive(head);
    scene.connection.accept();
    const [response] = scene.takeCalls();
    expect(response).toMatch(/^HTTP\/1\.1 101 /);
    expect(response).not.toMatch(/Sec-WebSocket-(Protocol|Extensions)/);
  });

  it.each([
    ["an object", { "X-Shard": "7", "X-Zone": "a" }, "X-Shard: 7\r\nX-Zone: a\r\n"],
    [
      "pairs with a repeated name",
      [["X-Shard", "7"] as const, ["X-Shard", "8"] as const],
      "X-Shard: 7\r\nX-Shard: 8\r\n",
    ],
  ])("adds the header fields of %s", (_, headers, expected) => {
    const scene = new Scene().receive(request);
    scene.connection.accept({ headers });
    expect(scene.takeCalls()[0]).toContain(expected);
  });

  it.each([
    [false, [], undefined],
    [true, [], undefined],
    [true, ["Sec-WebSocket-Extensions: permessage-deflate"], "permessage-deflate"],
    [
      { noContextTakeover: true },
      ["Sec-WebSocket-Extensions: permessage-deflate"],
      "permessage-deflate; server_no_context_takeover",
    ],
  ])("agrees to compression if both sides allow it: %o and %o", (compress, fields, expected) => {
    const scene = new Scene().receive(requestOf(...fields));
    scene.connection.accept({ compress });
    const field = /Sec-WebSocket-Extensions: (.*)\r\n/.exec(scene.takeCalls()[0]!);
    if (expected === undefined) expect(field).toBeNull();
    else expect(field?.[1]).toContain(expected);
  });

  it("throws for a subprotocol that was not offered, and can be called again", () => {
    const scene = new Scene().receive(requestOf("Sec-WebSocket-Protocol: chat"));
    expect(() => scene.connection.accept({ subprotocol: "feed" })).toThrow(TypeError);
    expect(scene.takeCalls()).toEqual([]);
    scene.connection.accept({ subprotocol: "chat" });
    expect(scene.takeCalls()[0]).toContain("Sec-WebSocket-Protocol: chat\r\n");
  });

  describe("consumes bytes that arrived after the request", () => {
    const input = Buffer.concat([request, textFrame("early", mask), pingFrame("p", mask)]);

    it.each([...input.keys()].filter((at) => at >= request.length))(
      "in the same read as the request, before byte %i",
      async (at) => {
        const scene = new Scene().receive(input.subarray(0, at));
        scene.connection.accept();
        scene.receive(input.subarray(at));
        expect(await scene.connection.receive()).toBe("early");
        expect(scene.takeCalls().slice(1)).toEqual([recorded(pongFrame("p"))]);
      },
    );

    it.each([...input.keys()].filter((at) => at > request.length))(
      "before the script accepts, in a later read from byte %i on",
      async (at) => {
        const scene = new Scene().receive(input.subarray(0, at), input.subarray(at));
        expect(scene.takeCalls()).toEqual([]);
        scene.connection.accept();
        const calls = scene.takeCalls();
        expect([calls[0]!.slice(0, 12), ...calls.slice(1)]).toEqual([
          "HTTP/1.1 101",
          recorded(pongFrame("p")),
        ]);
        expect(await scene.connection.receive()).toBe("early");
      },
    );
  });

  it("throws before the request was received", () => {
    expect(() => new Scene().connection.accept()).toThrow(expect.objectContaining({ code: "INVALID_STATE" }));
  });
});

describe("reject()", () => {
  it("writes the response and ends this side of the stream", () => {
    const scene = new Scene().receive(request);
    scene.connection.reject(429, { headers: { "Retry-After": "3" }, body: "later" });
    const [response, ...rest] = scene.takeCalls();
    expect(response).toMatch(/^HTTP\/1\.1 429 .*\r\nRetry-After: 3\r\n(.*\r\n)*\r\nlater$/s);
    expect(rest).toEqual(["(end)"]);
  });

  it.each([199, 600])("throws for the status %i and writes nothing", (status) => {
    const scene = new Scene().receive(request);
    expect(() => scene.connection.reject(status)).toThrow(RangeError);
    expect(scene.takeCalls()).toEqual([]);
  });
});

describe("send()", () => {
  const bytes = Buffer.from([1, 2, 3]);

  it.each<[string, unknown, Buffer]>([
    ["a string as text", "é", textFrame("é")],
    ["an empty string as text", "", textFrame("")],
    ["a Buffer as binary", bytes, binaryFrame(bytes)],
    [
      "a view as the bytes it shows",
      new Uint16Array([1, 2, 3]).subarray(1, 2),
      binaryFrame(Buffer.from([2, 0])),
    ],
    ["a DataView as binary", new DataView(Uint8Array.from(bytes).buffer, 1), binaryFrame(bytes.subarray(1))],
    ["an ArrayBuffer as binary", Uint8Array.from(bytes).buffer, binaryFrame(bytes)],
    ["a SharedArrayBuffer as binary", new SharedArrayBuffer(2), binaryFrame(Buffer.alloc(2))],
    [
      "an ArrayBuffer of another realm as binary",
      runInNewContext("Uint8Array.of(1, 2, 3).buffer"),
      binaryFrame(bytes),
    ],
    ["an object as JSON", { n: 1 }, textFrame('{"n":1}')],
    ["an array as JSON", [1, 2], textFrame("[1,2]")],
    ["null as JSON", null, textFrame("null")],
    ["a number as JSON", 7, textFrame("7")],
  ])("sends %s", (_, message, expected) => {
    const scene = opened();
    scene.connection.send(message);
    expect(scene.takeCalls()).toEqual([recorded(expected)]);
  });

  it("throws before accept(), and writes nothing", () => {
    const scene = new Scene().receive(request);
    expect(() => scene.connection.send("early")).toThrow(Error);
    expect(scene.takeCalls()).toEqual([]);
  });

  it.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
  ])("throws a TypeError for %s, which has no JSON form", (_, value) => {
    const scene = opened();
    expect(() => scene.connection.send(value)).toThrow("has no JSON form");
    expect(() => scene.connection.send(value)).toThrow(TypeError);
    expect(scene.takeCalls()).toEqual([]);
  });

  it("still sends after the script's own Close frame", () => {
    const scene = opened();
    scene.connection.close(1000);
    scene.connection.send("after the Close frame");
    expect(scene.takeCalls()).toEqual([closeFrame(1000), textFrame("after the Close frame")].map(recorded));
  });

  it.each([
    ["the client's Close frame", (scene: Scene) => scene.receive(closeFrame(1000, "", mask))],
    ["a protocol error of the client", (scene: Scene) => scene.receive(textFrame("without a mask"))],
    ["the end of the connection", (scene: Scene) => scene.stream.handler.onClose()],
  ])("has no effect after %s", (_, cause) => {
    const scene = opened();
    cause(scene);
    scene.takeCalls();
    scene.connection.send("late");
    expect(scene.takeCalls()).toEqual([]);
  });
});

describe("the closing handshake", () => {
  it.each([
    ["a code and a reason", closeFrame(4000, "bye", mask), { code: 4000, reason: "bye" }, closeFrame(4000)],
    ["no code", closeFrame(undefined, "", mask), { code: 1005, reason: "" }, closeFrame()],
  ])("answers a Close frame with %s, then ends this side", async (_, close, end, answer) => {
    const scene = opened().receive(close);
    expect(scene.takeCalls()).toEqual([recorded(answer), "(end)"]);
    scene.stream.handler.onClose();
    expect(await scene.connection.closed).toEqual(end);
  });

  it("does not send a second Close frame after the script's own", () => {
    const scene = opened();
    scene.connection.close(4000, "bye");
    scene.receive(closeFrame(4000, "", mask));
    expect(scene.takeCalls()).toEqual([recorded(closeFrame(4000, "bye")), "(end)"]);
  });

  it("sends no answer while it is mute", async () => {
    const scene = opened();
    scene.connection.mute();
    scene.receive(closeFrame(4000, "", mask));
    scene.stream.handler.onEnd();
    expect(scene.takeCalls()).toEqual([]);
    scene.stream.handler.onClose();
    expect(await scene.connection.closed).toEqual({ code: 4000, reason: "" });
  });

  it("does not follow the end of the client's side: this side only ends", async () => {
    const scene = opened();
    scene.stream.handler.onEnd();
    expect(scene.takeCalls()).toEqual(["(end)"]);
    scene.stream.handler.onClose();
    expect(await scene.connection.closed).toEqual({ code: undefined, reason: "" });
  });

  it("follows a protocol error of the client with the code for it", () => {
    const scene = opened().receive(textFrame("without a mask"));
    expect(scene.takeCalls()).toEqual([recorded(closeFrame(1002)), "(end)"]);
  });
});

describe("answers to pings", () => {
  it.each([
    [true, ["\x8a\x01p"]],
    [false, []],
    ["other", ["\x8a\x05other"]],
    [Uint8Array.of(0xff), ["\x8a\x01\xff"]],
  ])("answerPings(%o) sends %o", (how, expected) => {
    const scene = opened();
    scene.connection.answerPings(how);
    scene.receive(pingFrame("p", mask));
    expect(scene.takeCalls()).toEqual(expected);
  });
});

describe("resetAfterReceiving()", () => {
  const frame = textFrame("abc", mask);

  it.each([
    [frame.length - 1, 0, true],
    [frame.length, 1, true],
    [frame.length + 1, 1, true],
    [2 * frame.length, 2, true],
    [2 * frame.length + 1, 2, false],
  ])("of %i bytes delivers %i messages before the reset", async (size, count, isReset) => {
    const scene = opened();
    scene.connection.resetAfterReceiving(size);
    scene.receive(Buffer.concat([frame, frame]));
    expect(scene.takeCalls()).toEqual(isReset ? ["(reset)"] : []);
    scene.stream.handler.onClose();
    const messages: unknown[] = [];
    for await (const message of scene.connection) messages.push(message);
    expect(messages).toEqual(Array<string>(count).fill("abc"));
  });

  it("of 0 bytes resets at once", () => {
    const scene = opened();
    scene.connection.resetAfterReceiving(0);
    expect(scene.takeCalls()).toEqual(["(reset)"]);
  });

  it("counts the bytes of several reads", () => {
    const scene = opened();
    scene.connection.resetAfterReceiving(3);
    scene.receive(frame.subarray(0, 2));
    expect(scene.takeCalls()).toEqual([]);
    scene.receive(frame.subarray(2));
    expect(scene.takeCalls()).toEqual(["(reset)"]);
  });
});

describe("received messages", () => {
  it("are returned in order, and as JSON on request", async () => {
    const { connection } = opened().receive(
      textFrame("text", mask),
      binaryFrame(Buffer.from([1]), mask),
      textFrame('{"n":1}', mask),
    );
    expect(await connection.receive()).toBe("text");
    expect(await connection.receive()).toEqual(Buffer.from([1]));
    expect(await connection.receiveJson()).toEqual({ n: 1 });
  });

  it.each([
    ["the client's Close frame", (scene: Scene) => scene.receive(closeFrame(1000, "", mask))],
    ["the end of the client's side", (scene: Scene) => scene.stream.handler.onEnd()],
    ["the end of the connection", (scene: Scene) => scene.stream.handler.onClose()],
  ])("end with a ClientGoneError after %s, and a loop ends without an error", async (_, cause) => {
    const scene = opened();
    const waiting = scene.connection.receive();
    cause(scene);
    await expect(waiting).rejects.toBeInstanceOf(ClientGoneError);
    for await (const message of scene.connection) expect.unreachable(String(message));
  });

  it("end with the error if the client violates the protocol, also in a loop", async () => {
    const { connection } = opened().receive(textFrame("without a mask"));
    await expect(connection.receive()).rejects.toBeInstanceOf(ProtocolError);
    await expect(connection[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(ProtocolError);
  });

  it("reject receiveJson() if they are not JSON", async () => {
    const { connection } = opened().receive(textFrame("{", mask));
    await expect(connection.receiveJson()).rejects.toBeInstanceOf(SyntaxError);
  });
});

describe("the end of the connection", () => {
  it("is reported once, and later writes have no effect", () => {
    const scene = opened();
    expect(scene.connection.isGone).toBe(false);
    scene.stream.handler.onClose();
    scene.stream.handler.onClose();
    expect([scene.connection.isGone, scene.closedCount]).toEqual([true, 1]);
    scene.connection.ping();
    scene.connection.end();
    scene.connection.reset();
    expect(scene.takeCalls()).toEqual([]);
  });

  it("may precede the request", async () => {
    const scene = new Scene();
    scene.stream.handler.onEnd();
    expect(scene.takeCalls()).toEqual(["(end)"]);
    scene.stream.handler.onClose();
    expect(await scene.connection.closed).toEqual({ code: undefined, reason: "" });
    expect([scene.requestCount, scene.closedCount]).toEqual([0, 1]);
  });
});

describe("delay()", () => {
  it("resolves when the stream's wait is over", async () => {
    const scene = opened();
    const delay = scene.connection.delay(50);
    expect([...scene.stream.waits].map(({ ms }) => ms)).toEqual([50]);
    scene.stream.pass();
    await delay;
    scene.connection.abandon();
  });

  it("continues after the client is gone", async () => {
    const scene = opened();
    const delay = scene.connection.delay(50);
    scene.stream.handler.onClose();
    scene.stream.pass();
    await delay;
  });
});

describe("abandon()", () => {
  it("rejects all delays, cancels their waits, and resets the stream", async () => {
    const scene = opened();
    const waiting = [scene.connection.delay(50), scene.connection.delay(60), scene.connection.receive()];
    scene.connection.abandon();
    expect(scene.stream.waits.size).toBe(0);
    expect(scene.takeCalls()).toEqual(["(reset)"]);
    for (const promise of waiting) await expect(promise).rejects.toBeInstanceOf(ClientGoneError);
    await scene.connection.closed;
    scene.stream.handler.onClose();
    expect(scene.closedCount).toBe(1);
  });

  it("rejects the delays of a connection that is already gone, and does not reset it", async () => {
    const scene = opened();
    const delay = scene.connection.delay(50);
    scene.stream.handler.onClose();
    scene.connection.abandon();
    await expect(delay).rejects.toBeInstanceOf(ClientGoneError);
    expect(scene.takeCalls()).toEqual([]);
  });
});

describe("faults", () => {
  it("halfOpen() stops reading and discards everything that is written", () => {
    const scene = opened();
    scene.connection.halfOpen();
    scene.connection.send("lost");
    scene.connection.end();
    scene.connection.reset();
    expect(scene.takeCalls()).toEqual(["(stopReading)"]);
  });

  it("bomb() throws without compression and writes nothing", () => {
    const scene = opened();
    expect(() => scene.connection.bomb(1)).toThrow("accept({ compress: true })");
    expect(scene.takeCalls()).toEqual([]);
  });

  it("inOneWrite(), splitBy() and resetAfterSending() apply to frames", () => {
    const scene = opened();
    scene.connection.inOneWrite(() => {
      scene.connection.send("a");
      scene.connection.ping("b");
    });
    expect(scene.takeCalls()).toEqual(["\x81\x01a\x89\x01b"]);
    scene.connection.splitBy(2);
    scene.connection.resetAfterSending(5);
    scene.connection.sendFragments(["c", "d"]);
    expect(scene.takeCalls()).toEqual(["\x01\x01", "c\x80", "\x01", "(reset)"]);
  });
});
