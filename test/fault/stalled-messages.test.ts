// Checks that messageTimeout ends a message that makes no progress. Real sockets, virtual clock.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/index.js";
import { Scene } from "../support/scene.js";
import { fragments, frame, opcodes, pingFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const kibibyte = 1024;

describe("a peer that sends a message very slowly", () => {
  const messageTimeout = 60_000;

  async function send(peer: { send(bytes: Buffer): void }, bytes: Buffer): Promise<void> {
    const size = scene.readSize;
    peer.send(bytes);
    await scene.untilRead(size + bytes.length);
  }

  it("fails with 1008 when a message has made less than 1 KiB of progress in messageTimeout", async () => {
    const { client, ws, peer } = await scene.open({ messageTimeout });
    peer.endWithClient();
    await send(peer, Buffer.concat([textFrame("whole"), textFrame("x".repeat(60_000)).subarray(0, 2_000)]));
    for (let elapsed = 0; elapsed < messageTimeout; elapsed += messageTimeout / 60) {
      expect(ws.state).toBe("connected");
      await send(peer, Buffer.from("xxxxxxxxxxxxx"));
      scene.clock.advance(messageTimeout / 60);
    }
    expect(await peer.untilClose()).toEqual({ code: 1008, reason: "" });
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "policy", codeSent: 1008, initiatedBy: "us" });
    expect(client.fatalError).toBeInstanceOf(ProtocolError);
    expect(client.fatalError).toMatchObject({ code: "MESSAGE_STALLED", closeCode: 1008 });
    expect(await ws.recv()).toBe("whole");
  });

  it("keeps the connection while there is progress, also by fragments", async () => {
    const { ws, peer } = await scene.open({ messageTimeout });
    const parts = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(kibibyte));
    for (const piece of fragments(opcodes.text, parts)) {
      await send(peer, piece);
      scene.clock.advance(messageTimeout - 1);
    }
    expect(await ws.recv()).toBe(parts.join(""));
  });

  it.each([
    ["control frames", pingFrame("still here")],
    ["empty fragments", frame({ opcode: opcodes.continuation, isFinal: false })],
  ])("%s do not count as progress", async (_name, filler) => {
    const { client, peer } = await scene.open({ messageTimeout });
    peer.endWithClient();
    await send(peer, frame({ opcode: opcodes.text, isFinal: false, payload: "a" }));
    for (let elapsed = 0; elapsed < messageTimeout; elapsed += messageTimeout / 20) {
      expect(client.ws.state).toBe("connected");
      await send(peer, filler);
      scene.clock.advance(messageTimeout / 20);
    }
    expect(await peer.untilClose()).toEqual({ code: 1008, reason: "" });
    await client.event("closed");
  });

  it.each([
    ["a header", Buffer.of(0x81)],
    ["a ping", pingFrame("incomplete").subarray(0, 4)],
    ["an announced payload", frame({ opcode: opcodes.binary, announced: 5_000_000 })],
  ])("%s alone counts as a started message", async (_name, bytes) => {
    const { client, peer } = await scene.open({ messageTimeout });
    peer.endWithClient();
    await send(peer, bytes);
    scene.clock.advance(messageTimeout - 1);
    expect(client.ws.state).toBe("connected");
    scene.clock.advance(1);
    expect(await peer.untilClose()).toEqual({ code: 1008, reason: "" });
    await client.event("closed");
  });

  it("may be silent between two messages", async () => {
    const { ws, peer } = await scene.open({ messageTimeout });
    await send(peer, textFrame("one"));
    scene.clock.advance(100 * messageTimeout);
    await send(peer, textFrame("two"));
    expect([await ws.recv(), await ws.recv()]).toEqual(["one", "two"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("is not charged for the time in which back-pressure pauses reading", async () => {
    const { client, ws, peer } = await scene.open({ messageTimeout, buffer: 2 });
    const first = ws.recv();
    const half = textFrame("x".repeat(200));
    const texts = ["0", "1", "2"].map((text) => textFrame(text));
    peer.send(...texts, half.subarray(0, 50));
    await first;
    await client.event("paused");
    const iterator = ws[Symbol.asyncIterator]();
    scene.clock.advance(3 * messageTimeout);
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual(["1", "2"]);
    await client.event("resumed");
    scene.clock.advance(messageTimeout - 1);
    await send(peer, half.subarray(50));
    expect((await iterator.next()).value).toBe("x".repeat(200));
  });

  it("can send a message in 100,000 fragments of one byte", async () => {
    const { ws, peer } = await scene.open();
    const count = 100_000;
    const bytes = Buffer.concat(fragments(opcodes.text, Array<string>(count).fill("x")));
    const size = scene.readSize;
    peer.send(bytes.subarray(0, -3));
    await scene.untilRead(size + bytes.length - 3);
    peer.send(bytes.subarray(-3));
    expect(await ws.recv()).toBe("x".repeat(count));
  });
});
