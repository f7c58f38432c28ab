// More messages, pings and calls than a peer or a reader can process. Real sockets, virtual clock.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BufferOverflowError, InvalidStateError, TimeoutError } from "../../src/index.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";
import { turns } from "../support/dialling.js";
import { Scene } from "../support/scene.js";
import { closeFrame, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** A message of `size` bytes that starts with its own number. */
function numbered(index: number, size: number): Buffer {
  const message = Buffer.alloc(size, 0x61);
  message.writeUInt32BE(index);
  return message;
}

const numberOf = (message: Buffer): number => message.readUInt32BE(0);

describe("callers that send without awaiting", () => {
  it("are refused above maxBufferedAmount; the accepted messages arrive in order", async () => {
    const { client, ws, peer } = await scene.open({ maxBufferedAmount: 2 * mebibyte });
    peer.stopReading();
    const count = 1_500;
    const size = 10 * kibibyte;
    const results: Promise<unknown>[] = [];
    let mostBuffered = 0;
    for (let index = 0; index < count; index++) {
      results.push(
        ws.sendRaw(numbered(index, size)).then(
          () => index,
          (error: unknown) => error,
        ),
      );
      mostBuffered = Math.max(mostBuffered, ws.bufferedAmount);
    }
    expect(mostBuffered).toBeLessThanOrEqual(2 * mebibyte);
    expect(mostBuffered).toBeGreaterThan(2 * mebibyte - 2 * size);
    await client.event("error");
    peer.goOnReading();
    const settled = await Promise.all(results);
    const accepted = settled.filter((one) => typeof one === "number");
    const refused = settled.filter((one) => typeof one !== "number");
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toBeInstanceOf(BufferOverflowError);
    expect(client.all("error")).toEqual(refused.map((error) => ({ error, isFatal: false })));
    for (const index of accepted) expect(numberOf((await peer.frame()).payload)).toBe(index);
    expect(ws.stats()).toMatchObject({ messagesSent: accepted.length, messagesDropped: 0 });
    expect(client.all("drain")).toHaveLength(1);
    await ws.sendRaw("all is well again");
    expect(await peer.text()).toBe("all is well again");
  });

  it("can send one message larger than maxBufferedAmount while the queue is empty", async () => {
    const bound = { highWaterMark: 1_000, maxBufferedAmount: 10_000 };
    const { ws, peer } = await scene.open(bound);
    peer.stopReading();
    const big = numbered(1, 8 * mebibyte);
    const sending = ws.sendRaw(big);
    await expect(ws.sendRaw("x")).rejects.toBeInstanceOf(BufferOverflowError);
    expect(ws.trySend("x")).toBe("dropped");
    peer.goOnReading();
    await sending;
    expect((await peer.frame()).payload.equals(big)).toBe(true);
  });

  it("learn from the result of trySend() whether each message was accepted", async () => {
    const bounds = { highWaterMark: 100 * kibibyte, maxBufferedAmount: 200 * kibibyte };
    const { client, ws, peer } = await scene.open(bounds);
    peer.stopReading();
    const results: string[] = [];
    while (results.at(-1) !== "dropped") results.push(ws.trySend(numbered(results.length, 10 * kibibyte)));
    const order = results.filter((result, index) => result !== results[index - 1]);
    expect(order).toEqual(["sent", "queued", "dropped"]);
    expect(results.filter((result) => result === "queued").length).toBeGreaterThanOrEqual(9);
    expect(ws.stats().messagesSent).toBe(results.length - 1);
    peer.goOnReading();
    for (let index = 0; index < results.length - 1; index++) {
      expect(numberOf((await peer.frame()).payload)).toBe(index);
    }
    await client.event("drain");
    expect(ws.trySend("again")).toBe("sent");
    expect(await peer.text()).toBe("again");
  });

  const many = 3_000;

  it("can queue thousands of messages", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 64 * kibibyte });
    peer.stopReading();
    void ws.sendRaw(Buffer.alloc(8 * mebibyte));
    const last = Array.from({ length: many }, (_, index) => ws.sendRaw(`${index}`)).at(-1);
    peer.goOnReading();
    await last;
    await peer.until(() => peer.frameCount === many + 1);
    expect(peer.waitingFrames.at(-1)?.payload.toString()).toBe(`${many - 1}`);
  });

  it("receive one dropped event for each of thousands of messages when the connection breaks", async () => {
    const { client, ws, peer } = await scene.open({ highWaterMark: 64 * kibibyte });
    peer.stopReading();
    void ws.sendRaw(Buffer.alloc(8 * mebibyte));
    const sends = Array.from({ length: many }, (_, index) => ws.sendRaw(`${index}`));
    const flushes = Array.from({ length: many }, () => ws.flush());
    peer.reset();
    const { report } = await client.event("closed");
    expect(report.messagesUnsent).toBe(many);
    expect(client.all("dropped")).toHaveLength(many);
    const results = await Promise.allSettled([...sends, ...flushes]);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
  });

  it("can withdraw each of thousands of messages", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 64 * kibibyte });
    peer.stopReading();
    const clogging = ws.sendRaw(Buffer.alloc(8 * mebibyte));
    const controller = new AbortController();
    const { signal } = controller;
    for (let index = 0; index < many; index++) void ws.sendRaw(`${index}`, { signal });
    const kept = ws.sendRaw("kept");
    controller.abort();
    peer.goOnReading();
    await Promise.all([clogging, kept]);
    await peer.frame();
    expect(await peer.text()).toBe("kept");
  });

  it("get one InvalidStateError per call before and after the connection, and no unhandled rejection", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const { ws } = client;
    const calls = (): Promise<unknown>[] => [ws.send("x"), ws.sendRaw("x"), ws.ping(), ws.pong()];
    const errorsOf = (results: PromiseSettledResult<unknown>[]): unknown[] =>
      results.map((result) => (result.status === "rejected" ? (result.reason as unknown) : result.value));
    const early = errorsOf(await Promise.allSettled(calls()));
    expect(ws.trySend("x")).toBe("dropped");
    const connecting = ws.connect();
    const peer = (await server.client()).endWithClient();
    const meanwhile = errorsOf(await Promise.allSettled(calls()));
    await peer.accept();
    await connecting;
    const closing = ws.close();
    const closingErrors = errorsOf(await Promise.allSettled(calls()));
    peer.send(closeFrame(1000));
    await closing;
    const late = errorsOf(await Promise.allSettled(calls()));
    const errors = [...early, ...meanwhile, ...closingErrors, ...late];
    for (const error of errors) expect(error).toBeInstanceOf(InvalidStateError);
    expect(errors.map((error) => (error as InvalidStateError).state)).toEqual(
      ["idle", "connecting", "disconnecting", "closed"].flatMap((state) => Array<string>(4).fill(state)),
    );
    expect(client.all("error").map(({ error }) => error)).toEqual(errors);
    expect(ws.stats().messagesSent).toBe(0);
  });

  it("get a TypeError and an event for a value that cannot be sent", async () => {
    const { client, ws, peer } = await scene.open({ serializer: (value) => value });
    const wrong = [undefined, null, 7, {}, () => 1, Symbol("x")] as unknown as string[];
    for (const value of wrong) {
      await expect(ws.sendRaw(value)).rejects.toBeInstanceOf(TypeError);
      await expect(ws.send(value)).rejects.toBeInstanceOf(TypeError);
    }
    expect(client.all("error")).toHaveLength(12);
    await ws.sendRaw("fine");
    expect(await peer.text()).toBe("fine");
    expect(peer.frameCount).toBe(1);
  });
});

describe("a peer that stops reading", () => {
  it("makes send() wait at the high-water mark, so that memory stays bounded", async () => {
    const highWaterMark = 256 * kibibyte;
    const { client, ws, peer } = await scene.open({ highWaterMark });
    peer.stopReading();
    const size = 16 * kibibyte;
    const count = 1_000;
    let sent = 0;
    let mostBuffered = 0;
    const sending = (async () => {
      for (; sent < count; sent++) {
        await ws.sendRaw(numbered(sent, size));
        mostBuffered = Math.max(mostBuffered, ws.bufferedAmount);
      }
    })();
    while (ws.bufferedAmount < highWaterMark) await turns(1);
    const before = sent;
    await turns(20);
    expect(sent).toBe(before);
    expect(sent).toBeLessThan(count);
    expect(ws.bufferedAmount).toBeGreaterThanOrEqual(highWaterMark);
    expect(client.all("drain")).toEqual([]);
    peer.goOnReading();
    await sending;
    for (let index = 0; index < count; index++) expect(numberOf((await peer.frame()).payload)).toBe(index);
    expect(mostBuffered).toBeLessThan(highWaterMark + 2 * size);
    await ws.flush();
    expect(ws.bufferedAmount).toBe(0);
    expect(client.all("drain").length).toBeGreaterThan(0);
  });

  /** Fills the kernel's buffers and the queue up to the high-water mark, so that the next message waits. */
  async function clog(options = {}) {
    const opened = await scene.open({ highWaterMark: 100 * kibibyte, ...options });
    opened.peer.stopReading();
    const clogging = opened.ws.sendRaw(numbered(0, 16 * mebibyte));
    return { ...opened, clogging };
  }

  it("allows a timeout to withdraw a send() while its message waits", async () => {
    const { client, ws, peer, clogging } = await clog();
    const timed = ws.sendRaw("withdrawn", { timeout: 100 });
    const kept = ws.sendRaw("kept");
    scene.clock.advance(100);
    await expect(timed).rejects.toBeInstanceOf(TimeoutError);
    await expect(timed).rejects.toMatchObject({ operation: "send", timeoutMs: 100 });
    peer.goOnReading();
    await Promise.all([clogging, kept]);
    await peer.frame();
    expect(await peer.text()).toBe("kept");
    expect(client.all("error")).toHaveLength(1);
    expect(client.all("dropped")).toEqual([]);
  });

  it("allows a signal to withdraw a send() while its message waits", async () => {
    const { client, ws, peer, clogging } = await clog();
    const controller = new AbortController();
    const signalled = ws.sendRaw("withdrawn", { signal: controller.signal });
    const kept = ws.sendRaw("kept");
    const reason = new Error("no longer");
    controller.abort(reason);
    await expect(signalled).rejects.toBe(reason);
    await expect(ws.sendRaw("never", { signal: controller.signal })).rejects.toBe(reason);
    peer.goOnReading();
    await Promise.all([clogging, kept]);
    await peer.frame();
    expect(await peer.text()).toBe("kept");
    expect(client.all("error").map(({ error }) => error)).toContain(reason);
  });

  it("does not delay the timeout of a send() whose message is partly written", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 100 * kibibyte });
    peer.stopReading();
    const sending = ws.sendRaw(numbered(7, 16 * mebibyte), { timeout: 100 });
    scene.clock.advance(100);
    await expect(sending).rejects.toBeInstanceOf(TimeoutError);
    peer.goOnReading();
    expect(numberOf((await peer.frame()).payload)).toBe(7);
  });

  it("does not delay the timeouts of flush() and ping()", async () => {
    const { ws, peer, clogging } = await clog();
    const calls = [ws.flush({ timeout: 50 }), ws.ping({ timeout: 60 })];
    scene.clock.advance(60);
    const [flushed, pinged] = await Promise.allSettled(calls);
    expect(flushed).toMatchObject({ status: "rejected", reason: { operation: "flush", timeoutMs: 50 } });
    expect(pinged).toMatchObject({ status: "rejected", reason: { operation: "ping", timeoutMs: 60 } });
    peer.goOnReading();
    await clogging;
  });
});

describe("calls of flush() that are not awaited", () => {
  it.each([undefined, 10])("take linear time: outbox %s", async (outbox) => {
    const { ws, peer } = await scene.open({ outbox });
    peer.stopReading();
    ws.trySend(Buffer.alloc(8 * mebibyte));
    const cpuTime = measureCpuTime();
    const flushes = Array.from({ length: cases(16_000) }, () => ws.flush());
    // If each call or each message iterated over all pending calls, this would take seconds.
    for (let count = cases(8_000); count > 0; count--) ws.trySend("x");
    expect(cpuTime()).toBeLessThan(500);
    peer.goOnReading();
    await Promise.all(flushes);
    expect(ws.bufferedAmount).toBe(0);
  });
});

describe("a flood of pings", () => {
  const payloadOf = (index: number): string => `${index}`.padStart(100, "0");

  it("is answered one by one while the peer reads", async () => {
    const { client, peer } = await scene.open();
    const count = 120;
    peer.send(...Array.from({ length: count }, (_, index) => pingFrame(payloadOf(index))));
    for (let index = 0; index < count; index++) {
      const { opcode, payload } = await peer.frame();
      expect([opcode, payload.toString()]).toEqual([opcodes.pong, payloadOf(index)]);
    }
    expect(client.all("ping")).toHaveLength(count);
  });

  it("from a peer that does not read queues at most 16 KiB of pongs, and the newest ping is answered", async () => {
    const { client, ws, peer } = await scene.open();
    peer.stopReading();
    const clogging = ws.sendRaw(Buffer.alloc(16 * mebibyte));
    await turns(5);
    const clogged = ws.bufferedAmount;
    expect(clogged).toBeGreaterThan(0);
    const count = 50_000;
    const size = scene.readSize;
    const flood = Buffer.concat(Array.from({ length: count }, (_, index) => pingFrame(payloadOf(index))));
    let mostBuffered = 0;
    ws.on("ping", () => (mostBuffered = Math.max(mostBuffered, ws.bufferedAmount)));
    peer.send(flood);
    await scene.untilRead(size + flood.length);
    expect(client.all("ping")).toHaveLength(count);
    expect(mostBuffered).toBeLessThan(clogged + 17 * kibibyte);
    expect(mostBuffered).toBeGreaterThan(clogged + 15 * kibibyte);
    peer.goOnReading();
    const pongs: string[] = [];
    while (pongs.at(-1) !== payloadOf(count - 1)) {
      const { opcode, payload } = await peer.frame();
      if (opcode === opcodes.pong) pongs.push(payload.toString());
    }
    await clogging;
    // The first pongs, as many as fit into 16 KiB, and the last one.
    expect(pongs.slice(0, -1)).toEqual(pongs.slice(0, -1).map((_, index) => payloadOf(index)));
    expect(pongs.length).toBeLessThan(200);
  });

  it("is not answered at all with autoPong: false", async () => {
    const { ws, peer } = await scene.open({ autoPong: false });
    peer.send(
      ...Array.from({ length: 100 }, (_, index) => pingFrame(payloadOf(index))),
      textFrame("now you"),
    );
    await ws.recv();
    await ws.pong(Buffer.from("by hand"));
    const { opcode, payload } = await peer.frame();
    expect([opcode, payload.toString()]).toEqual([opcodes.pong, "by hand"]);
    expect(peer.frameCount).toBe(1);
  });
});

describe("ping()", () => {
  it("waits for at most 64 pongs; the 65th call rejects the oldest", async () => {
    const { ws, peer } = await scene.open();
    const pinging = Array.from({ length: 65 }, () => ws.ping());
    await expect(pinging[0]).rejects.toBeInstanceOf(BufferOverflowError);
    for (let index = 0; index < pinging.length; index++) {
      const { payload } = await peer.frame();
      peer.send(pongFrame(payload));
    }
    expect(await Promise.all(pinging.slice(1))).toHaveLength(64);
  });

  it("resolves with the pong of a newer ping, but not with an unsolicited pong", async () => {
    const { client, ws, peer } = await scene.open();
    const pinging = [ws.ping(), ws.ping(), ws.ping()];
    const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
    peer.send(pongFrame("unasked"), pongFrame(frames[1]!.payload));
    expect(await Promise.all(pinging.slice(0, 2))).toEqual([0, 0]);
    peer.send(pongFrame(frames[0]!.payload), pongFrame(frames[2]!.payload));
    expect(await pinging[2]).toBe(0);
    expect(client.all("pong").map(({ latencyMs }) => latencyMs)).toEqual([undefined, 0, undefined, 0]);
  });

  it("rejects a payload that is too large, and leaves no timer", async () => {
    const { ws } = await scene.open();
    const controller = new AbortController();
    const tooBig = { payload: Buffer.alloc(126), timeout: 10_000, signal: controller.signal };
    await expect(ws.ping(tooBig)).rejects.toBeInstanceOf(RangeError);
    await expect(ws.pong(Buffer.alloc(126))).rejects.toBeInstanceOf(RangeError);
    expect(scene.counting.openTimers).toBe(0);
  });
});

describe('an inbox with overflow: "error"', () => {
  it("fails the connection with 1008 when it is full, and the buffered messages remain readable", async () => {
    const { client, ws, peer } = await scene.open({ buffer: { capacity: 3, overflow: "error" } });
    peer.endWithClient();
    const first = ws.recv();
    peer.send(...["0", "1", "2", "3", "4", "5"].map((text) => textFrame(text)));
    expect(await first).toBe("0");
    expect(await peer.untilClose()).toEqual({ code: 1008, reason: "" });
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "local-stall" });
    expect(client.all("dropped")).toEqual([{ direction: "in", message: "4", cause: "overflow" }]);
    expect([await ws.recv(), await ws.recv(), await ws.recv()]).toEqual(["1", "2", "3"]);
    await expect(ws.recv()).rejects.toMatchObject({ code: "INBOX_OVERFLOW", closeCode: 1008 });
  });
});
