// Ends of a connection while one side does not read. Real sockets, virtual clock.
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Message, Scene } from "../support/scene.js";
import { readRequest, switching } from "../support/scripted-peer.js";
import { closeFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const closeTimeout = 5_000;

describe("a closing handshake with a peer that does not read", () => {
  const big = Buffer.alloc(8 * 1024 * 1024, 1);

  it("is abandoned after closeTimeout without progress", async () => {
    const { client, ws, peer } = await scene.open();
    peer.stopReading();
    const sending = ws.sendRaw(big).catch((error: unknown) => error);
    const closing = ws.close();
    scene.clock.advance(closeTimeout);
    await closing;
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "closed-by-us", wasClean: false, codeSent: undefined });
    expect(await sending).toBeInstanceOf(CloseError);
    peer.goOnReading();
    peer.endWithClient();
  });

  it("continues while there is progress", async () => {
    const { ws, peer } = await scene.open();
    peer.stopReading();
    const bigger = Buffer.alloc(32 * 1024 * 1024, 1);
    const sending = ws.sendRaw(bigger);
    const closing = ws.close();
    for (let round = 0; round < 2; round++) {
      scene.clock.advance(closeTimeout - 1);
      const before = ws.bufferedAmount;
      peer.goOnReading();
      await peer.until(() => ws.bufferedAmount < before);
      peer.stopReading();
    }
    scene.clock.advance(closeTimeout - 1);
    peer.goOnReading();
    expect((await peer.frame()).payload.length).toBe(bigger.length);
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    await Promise.all([sending, closing]);
  });

  it("ends after ten times closeTimeout even if there is progress", async () => {
    const line = new SlowLine();
    const client = scene.watch("ws://127.0.0.1/", { createConnection: () => line });
    await client.ws.connect();
    client.ws.sendRaw(big).catch(() => undefined);
    const closing = client.ws.close();
    for (let elapsed = closeTimeout - 1; elapsed < closeTimeout * 10; elapsed += closeTimeout - 1) {
      scene.clock.advance(closeTimeout - 1);
      expect(client.ws.state).toBe("disconnecting");
      line.takeOne();
      await turns(1);
    }
    scene.clock.advance(10);
    await closing;
    expect((await client.event("closed")).report.wasClean).toBe(false);
  });
});

/** A stream that answers the handshake and then completes one write per call of `takeOne`. */
class SlowLine extends Duplex {
  #onTaken: ((error?: Error | null) => void) | undefined;

  override _read(): void {
    // The stream pushes bytes only from `_write`.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#onTaken = callback;
    if (!bytes.toString("latin1").startsWith("GET")) return;
    this.push(switching(readRequest(bytes.toString("latin1"))));
    this.takeOne();
  }

  takeOne(): void {
    this.#onTaken?.();
  }
}

describe("an end of the connection while back-pressure pauses reading", () => {
  it("close() resumes reading until the peer's Close and delivers the buffered messages and one more buffer", async () => {
    const { client, ws, peer } = await scene.open({ buffer: 10 });
    const first = ws.recv();
    peer.send(...Array.from({ length: 50 }, (_, index) => textFrame(`${index}`)));
    expect(await first).toBe("0");
    await client.event("paused");
    const closing = ws.close();
    await peer.untilClose();
    peer.send(closeFrame(1000));
    await peer.untilEnd();
    peer.end();
    await closing;
    const received: Message[] = [];
    for await (const message of ws) received.push(message);
    expect(received).toEqual(Array.from({ length: 20 }, (_, index) => `${index + 1}`));
    const dropped = client.all("dropped");
    expect(dropped.map(({ message }) => message)).toEqual(
      Array.from({ length: 29 }, (_, index) => `${index + 21}`),
    );
    expect(client.story.indexOf("resumed")).toBeGreaterThan(client.story.indexOf("paused"));
    expect(ws.stats()).toMatchObject({ messagesReceived: 50, messagesDropped: 29, messagesWaiting: 0 });
  });

  it("the peer's Close is processed as soon as a consumer reads", async () => {
    const { client, ws, peer } = await scene.open({ buffer: 4 });
    const first = ws.recv();
    peer.send(...["0", "1", "2", "3", "4", "5", "6"].map((text) => textFrame(text)), closeFrame(1000));
    peer.endWithClient();
    await first;
    await client.event("paused");
    expect(peer.frameCount).toBe(0);
    const received: Message[] = [];
    for await (const message of ws) received.push(message);
    expect(received).toEqual(["1", "2", "3", "4", "5", "6"]);
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "normal", wasClean: true });
  });

  it("terminate() adds the paused time to report.pausedMs", async () => {
    const { client, ws, peer } = await scene.open({ buffer: 2 });
    const first = ws.recv();
    const frames = ["0", "1", "2", "3"].map((text) => textFrame(text));
    peer.send(...frames);
    await first;
    await client.event("paused");
    scene.clock.advance(1_234);
    ws.terminate();
    const { report } = await client.event("closed");
    expect(report.pausedMs).toBe(1_234);
    peer.endWithClient();
  });

  it("an abort of the signal resumes reading until the peer's Close", async () => {
    const controller = new AbortController();
    const { client, ws, peer } = await scene.open({ buffer: 2, signal: controller.signal });
    const first = ws.recv();
    peer.send(...["0", "1", "2", "3", "4"].map((text) => textFrame(text)), closeFrame(1000));
    await first;
    await client.event("paused");
    const reason = new Error("over");
    controller.abort(reason);
    expect(await peer.untilClose()).toMatchObject({ code: 1001 });
    await peer.untilEnd();
    peer.end();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "aborted", wasClean: true });
    await expect(ws.recv()).rejects.toBe(reason);
  });
});
