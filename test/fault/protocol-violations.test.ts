import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/index.js";
import { Scene } from "../support/scene.js";
import { textFrame, frame } from "../support/wire.js";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.finish());

describe("smoke", () => {
  it("opens and closes", async () => {
    const { ws, peer, client } = await scene.open();
    peer.send(textFrame("hello"));
    expect(await ws.recv()).toBe("hello");
    await ws.send("back");
    expect(await peer.text()).toBe("back");
    const closed = ws.close();
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    await closed;
    console.log(client.story);
  });
  it("fails", async () => {
    const { ws, peer, client } = await scene.open();
    peer.send(textFrame("hello"), frame({ opcode: 3 }));
    expect(await ws.recv()).toBe("hello");
    expect(await peer.untilClose()).toEqual({ code: 1002, reason: "" });
    await expect(ws.recv()).rejects.toBeInstanceOf(ProtocolError);
    peer.end();
    await client.event("closed");
    console.log(client.story);
  });
});
