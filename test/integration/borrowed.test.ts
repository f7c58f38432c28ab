// Borrowed message handlers over a real socket.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { borrow, mixed, mixedTexts, textsOf } from "../support/borrowing.js";
import { Scene } from "../support/scene.js";
import { binaryFrame, pingFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

describe("a borrowed handler over a real socket", () => {
  it("receives views of the bytes of the socket's read, and large messages in one piece", async () => {
    const { ws, peer } = await scene.open();
    const { received } = borrow(scene, ws);
    const large = "0123456789".repeat(150_000);
    const size = scene.readSize;
    const bytes = Buffer.concat([
      ...mixed(1),
      binaryFrame(Buffer.from(large)),
      textFrame(large),
      ...mixed(10),
    ]);
    peer.send(bytes);
    await scene.untilRead(size + bytes.length);
    expect(textsOf(received)).toEqual([...mixedTexts(1), large, large, ...mixedTexts(10)]);
    expect(received[0]!.isView).toBe(true);
    expect(ws.stats()).toMatchObject({ messagesReceived: 12, messagesWaiting: 0 });
  });

  it("that is removed leaves the following messages to other readers", async () => {
    const { ws, peer } = await scene.open();
    const { received, end } = borrow(scene, ws);
    const read = async (...frames: readonly Buffer[]): Promise<void> => {
      const size = scene.readSize;
      peer.send(...frames);
      await scene.untilRead(size + Buffer.concat(frames).length);
    };
    await read(...mixed(1), pingFrame("p"));
    end();
    await read(...mixed(10));
    const rest: string[] = [];
    while (ws.stats().messagesWaiting > 0) rest.push(String(await ws.recv()));
    expect([textsOf(received), rest]).toEqual([mixedTexts(1), mixedTexts(10)]);
  });
});
