import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, WebSocket } from "../../src/index.js";
import { VirtualScene } from "../support/virtual-scene.js";

let scene: VirtualScene;

beforeEach(() => {
  scene = new VirtualScene();
});

afterEach(() => scene.finish());

function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no error",
    (error: unknown) => error,
  );
}

describe("connect()", () => {
  it("resolves with a connected client", async () => {
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

  it("rejects if the options are the third argument", async () => {
    const promise = Reflect.apply(connect, undefined, [
      "ws://feed.test/",
      {},
      { headers: {} },
    ]) as Promise<unknown>;
    await expect(promise).rejects.toThrow("The options are the second and last argument");
  });

  it("rejects with the error of the attempt or of the constructor", async () => {
    const failing = errorOf(connect("ws://feed.test/", { runtime: scene.counting.runtime }));
    await scene.pass();
    scene.link.peer.refuse();
    await scene.pass();
    expect(await failing).toMatchObject({ code: "ECONNREFUSED" });
    expect(await errorOf(connect("nonsense"))).toBeInstanceOf(TypeError);
  });

  it("causes an unhandled rejection if it fails and no code awaits it", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", onUnhandled);
    void connect("ws://feed.test/", { runtime: scene.counting.runtime });
    void connect("nonsense");
    await scene.pass();
    scene.link.peer.refuse();
    await scene.pass();
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
    expect(unhandled).toEqual([expect.any(TypeError), expect.objectContaining({ code: "ECONNREFUSED" })]);
  });
});
