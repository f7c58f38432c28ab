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
  it("is lent the bytes of the socket's own read, and large messages whole", async () => {
    const { ws, peer } = await scene.open();
    const { loans } = borrow(scene, ws);
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
    expect(textsOf(loans)).toEqual([...mixedTexts(1), large, large, ...mixedTexts(10)]);
    expect(loans[0]!.isInRead).toBe(true);
    expect(ws.stats()).toMatchObject({ messagesReceived: 12, messagesWaiting: 0 });
  });

  it("that goes leaves what follows to who reads", async () => {
    const { ws, peer } = await scene.open();
    const { loans, end } = borrow(scene, ws);
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
    expect([textsOf(loans), rest]).toEqual([mixedTexts(1), mixedTexts(10)]);
  });
});
