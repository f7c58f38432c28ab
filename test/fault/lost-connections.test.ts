// Connections that end without a Close: the report, the unsent messages and the uncertain messages.
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionError } from "../../src/index.js";
import { type Read, ways } from "../support/reading.js";
import { type Message, Scene } from "../support/scene.js";
import { readRequest, switching } from "../support/scripted-peer.js";
import { binaryFrame, closeFrame, frame, opcodes, pongFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const theStory = [
  ...["to connecting", "connecting", "to connected", "connected"],
  ...["to disconnected", "disconnected", "error!", "to failed", "closed"],
];

const half = textFrame("x".repeat(300));

/** Where the stream breaks, and the bytes sent before the break. */
const places: [where: string, bytes: Buffer][] = [
  ["between two messages", Buffer.alloc(0)],
  ["inside the header of a frame", half.subarray(0, 3)],
  ["inside the payload of a frame", half.subarray(0, 100)],
  ["between two fragments", frame({ opcode: opcodes.text, isFinal: false, payload: "half a message" })],
  ["inside a Close", closeFrame(1000, "bye").subarray(0, 4)],
];

async function breakAndCheck(
  how: "end" | "reset",
  bytes: Buffer,
  read: Read,
  isSecure = false,
): Promise<void> {
  const server = await scene.listen({ isSecure });
  const client = scene.watch(server.url, isSecure ? { tls: { ca: server.ca } } : {});
  const received: Message[] = [];
  const connected = client.ws.connect();
  const reading = read(client.ws, received);
  const peer = await server.client();
  await peer.accept();
  await connected;
  const whole = [textFrame("one"), binaryFrame(Buffer.of(2)), bytes];
  const size = scene.readSize + whole.reduce((sum, { length }) => sum + length, 0);
  peer.send(...whole);
  await scene.untilRead(size);
  peer[how]();
  const error = await reading;
  const { report } = await client.event("closed");

  expect(received).toEqual(["one", Buffer.of(2)]);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({
    code: how === "end" ? "CONNECTION_LOST" : "ECONNRESET",
    phase: "open",
    report,
  });
  expect(client.story).toEqual(theStory);
  expect(client.fatalError).toBe(error);
  expect(report).toMatchObject({ verdict: "network-lost", initiatedBy: "network", phase: "open", error });
  expect(report).toMatchObject({
    codeSent: undefined,
    codeReceived: undefined,
    wasClean: false,
    isRetryable: true,
  });
  expect(client.ws.stats()).toMatchObject({ messagesReceived: 2, messagesDropped: 0, uptimeMs: 0 });
  await peer.untilGone();
  // The client sent no frame in answer to the break.
  expect(peer.frameCount).toBe(0);
}

describe.each(places)("an end without a Close %s", (_where, bytes) => {
  it.each(ways)("is a ConnectionError after the messages received before it, read by %s", (_way, read) =>
    breakAndCheck("end", bytes, read),
  );
});

describe.each(places)("a RST %s", (_where, bytes) => {
  it.each(ways)("is a ConnectionError after the messages received before it, read by %s", (_way, read) =>
    breakAndCheck("reset", bytes, read),
  );
});

describe("over TLS", () => {
  it("an end without a Close is a ConnectionError", () =>
    breakAndCheck("end", half.subarray(0, 100), ways[0]![1], true));
});

describe("after our own Close", () => {
  it.each(["end", "reset"] as const)("an answer by %s is not an error", async (how) => {
    const { client, ws, peer } = await scene.open();
    const closing = ws.close(4000, "enough");
    expect(await peer.untilClose()).toEqual({ code: 4000, reason: "enough" });
    peer[how]();
    await closing;
    const { report } = await client.event("closed");
    expect(report).toMatchObject({
      verdict: "closed-by-us",
      initiatedBy: "us",
      phase: "closing",
      wasClean: false,
    });
    expect(report).toMatchObject({ codeSent: 4000, codeReceived: undefined });
    expect(ws.state).toBe("closed");
    expect(client.fatalError).toBeUndefined();
  });
});

describe("after both Close frames", () => {
  it("a RST does not change the report of a clean close", async () => {
    const { client, ws, peer } = await scene.open();
    peer.send(closeFrame(1000, "done"));
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.reset();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({
      verdict: "normal",
      wasClean: true,
      error: undefined,
      initiatedBy: "peer",
    });
    expect(ws.state).toBe("closed");
  });
});

describe("messages that are queued when the connection breaks", () => {
  it("are reported as unsent once each, and their promises reject", async () => {
    const { client, ws, peer } = await scene.open({ highWaterMark: 100_000 });
    peer.stopReading();
    const big = Buffer.alloc(16 * 1024 * 1024, 1);
    const inFlight = ws.sendRaw(big).catch((error: unknown) => error);
    const waiting = ["a", "b", "c"].map((text) => ws.sendRaw(text).catch((error: unknown) => error));
    const flushed = ws.flush().catch((error: unknown) => error);
    const pinged = ws.ping().catch((error: unknown) => error);
    await client.until(() => ws.bufferedAmount > 0);
    peer.reset();
    const { report } = await client.event("closed");
    const { error } = report;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(await Promise.all([inFlight, ...waiting, flushed, pinged])).toEqual(Array(6).fill(error));
    const unsent = ["a", "b", "c"].map((message) => ({ direction: "out", message, cause: "unsent" }));
    expect(client.all("dropped")).toEqual(unsent);
    expect(report).toMatchObject({ messagesUnsent: 3, messagesUncertain: 1, unansweredPings: 1 });
    expect(ws.bufferedAmount).toBe(0);
    expect(client.story.at(-1)).toBe("closed");
  });

  it("are reported as the original messages, compressed or not", async () => {
    const { client, ws, peer } = await scene.open(
      { highWaterMark: 64 * 1024 * 1024 },
      { fields: ["Sec-WebSocket-Extensions: permessage-deflate"] },
    );
    peer.stopReading();
    await ws.sendRaw(Buffer.alloc(16 * 1024 * 1024, 1), { compress: false });
    await ws.sendRaw("compressed".repeat(100), { compress: true });
    await ws.sendRaw(Buffer.of(1, 2, 3), { compress: true });
    await ws.sendRaw("plain", { compress: false });
    peer.reset();
    const { report } = await client.event("closed");
    const messages = ["compressed".repeat(100), Buffer.of(1, 2, 3), "plain"];
    expect(client.all("dropped").map(({ message }) => message)).toEqual(messages);
    expect(report.messagesUnsent).toBe(3);
    expect(ws.stats()).toMatchObject({ messagesSent: 1, messagesDropped: 3 });
  });

  it("are reported one by one for many small compressed messages", async () => {
    const { client, ws, peer } = await scene.open(
      { highWaterMark: 64 * 1024 * 1024 },
      { fields: ["Sec-WebSocket-Extensions: permessage-deflate"] },
    );
    peer.stopReading();
    await ws.sendRaw(Buffer.alloc(16 * 1024 * 1024, 1), { compress: false });
    const count = 3_000;
    for (let index = 0; index < count; index++) void ws.sendRaw(`${index}`, { compress: true });
    peer.reset();
    const { report } = await client.event("closed");
    expect(report.messagesUnsent).toBe(count);
    const messages = client.all("dropped").map(({ message }) => message);
    expect([messages[0], messages.at(-1)]).toEqual(["0", `${count - 1}`]);
  });
});

describe("a caller's stream that is destroyed with a string", () => {
  it("ends the connection with an Error", async () => {
    const server = await scene.listen();
    const line = connect(server.port, "127.0.0.1");
    const { client, peer } = await scene.open({ createConnection: () => line }, { server });
    line.destroy("pulled out" as unknown as Error);
    const { report } = await client.event("closed");
    expect(report.error).toBeInstanceOf(ConnectionError);
    expect(report.error?.message).toContain("pulled out");
    expect(report.error?.cause).toBeInstanceOf(Error);
    peer.endWithClient();
  });
});

describe("a caller's stream whose write throws", () => {
  class BrokenLine extends Duplex {
    override _read(): void {
      // The stream pushes bytes only from `_write`.
    }

    override _write(bytes: Buffer, _encoding: BufferEncoding, callback: () => void): void {
      const head = bytes.toString("latin1");
      if (!head.startsWith("GET")) throw new Error("the line is broken");
      this.push(switching(readRequest(head)));
      callback();
    }
  }

  it.each([10, 100_000])(
    "ends the connection at a message of %i bytes, and nothing is thrown",
    async (size) => {
      const client = scene.watch("ws://127.0.0.1/", { createConnection: () => new BrokenLine() });
      await client.ws.connect();
      const sending = client.ws.sendRaw("x".repeat(size)).catch((error: unknown) => error);
      const { report } = await client.event("closed");
      expect(report.error).toBeInstanceOf(ConnectionError);
      expect(report.error).toMatchObject({ phase: "open", cause: { message: "the line is broken" } });
      expect(report.messagesUncertain).toBe(1);
      await sending;
      expect(client.story).toEqual(theStory);
    },
  );
});

describe("report.messagesUncertain", () => {
  it("counts the messages sent after the last ping that was answered", async () => {
    const { client, ws, peer } = await scene.open();
    await Promise.all(["a", "b", "c"].map((text) => ws.sendRaw(text)));
    const pinging = ws.ping();
    await ws.sendRaw("d");
    await peer.until(() => peer.frameCount === 5);
    peer.send(pongFrame(peer.waitingFrames.find(({ opcode }) => opcode === opcodes.ping)!.payload));
    await pinging;
    await ws.sendRaw("e");
    await peer.until(() => peer.frameCount === 6);
    void ws.ping();
    await peer.until(() => peer.frameCount === 7);
    peer.reset();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ messagesUncertain: 2, messagesUnsent: 0, unansweredPings: 1 });
  });
});

describe("a reset after silence", () => {
  beforeEach(() => {
    scene = new Scene(true);
  });

  it.each([
    [29_999, "network-lost"],
    [30_000, "idle-cut"],
  ] as const)("of %i ms has the verdict %s", async (silence, verdict) => {
    const { client, peer } = await scene.open();
    peer.send(textFrame("hello"));
    expect(await client.ws.recv()).toBe("hello");
    scene.clock.advance(silence);
    peer.reset();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict, lastReceivedMs: silence });
  });
});
