import { describe, expect, it } from "vitest";
import { HandleDeflater } from "../../../../protocol/extensions/permessage-deflate/handle-deflater.js";
import { HandlePool } from "../../../../protocol/extensions/permessage-deflate/handle-pool.js";
import { HandleScratch } from "../../../../protocol/extensions/permessage-deflate/handle-scratch.js";
import { ZlibHandle } from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";
import { noise } from "../../../support/compressed.js";
import { RecordingZlib } from "../../../support/recording-zlib.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

const context = { windowBits: 15, keepsContext: true, level: 6, memLevel: 8 };
const opening = "open deflate 6/8/15";

/** Creates deflaters that share handles. */
class Scene {
  readonly handles = new RecordingZlib();
  readonly #scratch = new HandleScratch();
  readonly #pool: HandlePool;

  constructor(maxHandles: number = 1) {
    this.#pool = new HandlePool((options) => ZlibHandle.deflater(this.handles, options), maxHandles);
  }

  deflater(options: Partial<typeof context> = {}): HandleDeflater {
    return new HandleDeflater({ ...context, ...options }, this.#pool, this.#scratch);
  }

  /** Returns the calls of the handles during `action`. */
  callsOf(action: () => unknown): string[] {
    this.handles.takeCalls();
    action();
    return this.handles.takeCalls();
  }
}

describe("HandleDeflater", () => {
  it("opens a handle for its first message and uses it for the next ones", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual([opening, "write 10"]);
    expect(scene.callsOf(() => deflater.deflate(noise(20)))).toEqual(["write 20"]);
    deflater.close();
  });

  it("writes an empty message without a handle", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    expect(scene.callsOf(() => expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]))).toEqual([]);
    deflater.deflate(noise(10));
    expect(scene.callsOf(() => expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]))).toEqual([]);
    deflater.close();
  });

  it("removes the four bytes at the end of the flush", () => {
    const deflater = new Scene().deflater();
    // RFC 7692 7.2.3.1. The second message refers to the first one.
    const [first, second] = [0, 1].map(() => Buffer.from(deflater.deflate(Buffer.from("Hello"))));
    expect(first!.toString("hex")).toBe("f248cdc9c90700");
    expect(second!.length).toBeLessThan(first!.length);
    const peer = new StrictInflater(15);
    expect([first!, second!].map((message) => peer.inflate(message).toString())).toEqual(["Hello", "Hello"]);
    deflater.close();
  });

  it.each([65_530, 65_536, 200_000])("removes them from a message of %i bytes in several chunks", (size) => {
    const deflater = new Scene().deflater();
    const compressed = deflater.deflate(noise(size));
    expect(new StrictInflater(15).inflate(compressed).equals(noise(size))).toBe(true);
    deflater.close();
  });

  it("resets the handle before each message if no context is kept", () => {
    const scene = new Scene();
    const deflater = scene.deflater({ keepsContext: false });
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual([opening, "reset", "write 10"]);
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual(["reset", "write 10"]);
    deflater.close();
  });

  it("closes its handle, and only once", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    expect(scene.callsOf(() => deflater.close())).toEqual([]);
    deflater.deflate(noise(10));
    expect(scene.callsOf(() => deflater.close())).toEqual(["close"]);
    expect(scene.callsOf(() => deflater.close())).toEqual([]);
    expect(scene.handles.openCount).toBe(0);
  });
});

describe("HandleDeflater after it has lost its handle", () => {
  /** Takes the handle of every other deflater of a scene. */
  function takeHandle(scene: Scene): void {
    const other = scene.deflater();
    other.deflate(noise(10, 99));
    other.close();
    // The pool is empty again, so the next deflater opens a new handle.
    expect(scene.handles.openCount).toBe(0);
  }

  it("starts without a history the first time", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    deflater.deflate(noise(100));
    takeHandle(scene);
    expect(scene.callsOf(() => deflater.deflate(noise(100)))).toEqual([opening, "write 100"]);
    deflater.close();
  });

  it("loads the messages since the first loss from the second loss on", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    deflater.deflate(noise(100, 1));
    takeHandle(scene);
    deflater.deflate(noise(30, 2));
    deflater.deflate(noise(40, 3));
    takeHandle(scene);
    expect(scene.callsOf(() => deflater.deflate(noise(50, 4)))).toEqual([opening, "write 70", "write 50"]);
    expect(scene.handles.inputs.at(-2)).toEqual(Buffer.concat([noise(30, 2), noise(40, 3)]));
    takeHandle(scene);
    expect(scene.callsOf(() => deflater.deflate(noise(1, 5)))).toEqual([opening, "write 120", "write 1"]);
    deflater.close();
  });

  it.each([
    [8, 256],
    [10, 1024],
    [11, 2048],
    [12, 2048],
    [15, 2048],
  ])("loads no more than the window, nor more than 2 KiB: window of %i bits", (windowBits, maxSize) => {
    for (const size of [maxSize - 1, maxSize, maxSize + 1]) {
      const scene = new Scene();
      const deflater = scene.deflater({ windowBits });
      deflater.deflate(noise(10));
      takeHandle(scene);
      deflater.deflate(noise(size));
      takeHandle(scene);
      const loaded = Math.min(size, maxSize);
      expect(scene.callsOf(() => deflater.deflate(noise(1)))).toEqual([
        `open deflate 6/8/${Math.max(windowBits, 9)}`,
        `write ${loaded}`,
        "write 1",
      ]);
      expect(scene.handles.inputs.at(-2)).toEqual(noise(size).subarray(-loaded));
      deflater.close();
    }
  });

  it("refers to its own messages only, after any loss", () => {
    const scene = new Scene();
    const connections = [1, 2].map((seed) => ({
      deflater: scene.deflater(),
      peer: new StrictInflater(15),
      message: noise(300, seed),
    }));
    for (let round = 0; round < 6; round++) {
      const sizes = connections.map(({ deflater, peer, message }) => {
        const compressed = deflater.deflate(message);
        expect(peer.inflate(compressed)).toEqual(message);
        return compressed.length;
      });
      // Each message takes the handle of the other deflater. From the third message on, there is a history.
      for (const size of sizes) {
        if (round < 2) expect(size).toBeGreaterThan(300);
        else expect(size).toBeLessThan(30);
      }
    }
    for (const { deflater } of connections) deflater.close();
  });

  it("loads no history if no context is kept", () => {
    const scene = new Scene();
    const deflater = scene.deflater({ keepsContext: false });
    for (let loss = 0; loss < 3; loss++) {
      expect(scene.callsOf(() => deflater.deflate(noise(100)))).toEqual([opening, "reset", "write 100"]);
      takeHandle(scene);
    }
    deflater.close();
  });

  it("keeps its handle from the 16th message on and discards the history", () => {
    const scene = new Scene();
    const deflater = scene.deflater();
    deflater.deflate(noise(10));
    takeHandle(scene);
    for (let count = 2; count < 16; count++) deflater.deflate(noise(10));
    takeHandle(scene);
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual([opening, "write 140", "write 10"]);
    const other = scene.deflater();
    expect(scene.callsOf(() => other.deflate(noise(10)))).toEqual([opening, "write 10"]);
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual(["write 10"]);
    other.close();
    // Only after close() the handle has to be opened again. It would load the history if there still were one.
    deflater.close();
    expect(scene.callsOf(() => deflater.deflate(noise(10)))).toEqual([opening, "write 10"]);
    deflater.close();
    expect(scene.handles.openCount).toBe(0);
  });
});
