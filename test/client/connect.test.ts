import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, WebSocket } from "../../src/index.js";
import { VirtualScene } from "../support/virtual-scene.js";

let scene: VirtualScene;

beforeEach(() => {
  scene = new VirtualScene();
});

afterEach(() => scene.finish());

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  await scene.pass();
  return promise.then(
    () => "no error",
    (error: unknown) => error,
  );
}

describe("connect()", () => {
  it("gives a client that is connected", async () => {
    const promise = connect<string, string>("ws://feed.test/", { runtime: scene.counting.runtime });
    await scene.pass();
    const { link } = scene;
    link.peer.accept();
    await scene.pass();
    link.answer();
    await scene.pass();
    const ws = await promise;
    expect([ws instanceof WebSocket, ws.state]).toEqual([true, "connected"]);
    ws.terminate();
    await scene.pass();
  });

  it("rejects with what the attempt failed with, or the constructor", async () => {
    const promise = connect("ws://feed.test/", { runtime: scene.counting.runtime });
    await scene.pass();
    scene.link.peer.refuse();
    expect(await errorOf(promise)).toMatchObject({ code: "ECONNREFUSED" });
    expect(await errorOf(connect("nonsense"))).toBeInstanceOf(TypeError);
  });

  it("that nobody awaits is no unhandled rejection", async () => {
    void connect("ws://feed.test/", { runtime: scene.counting.runtime });
    void connect("nonsense");
    await scene.pass();
    scene.link.peer.refuse();
    await scene.pass();
  });
});
