// Payloads and frame counter of the benchmark.
import { beforeAll, describe, expect, it } from "vitest";
import { splitsOf } from "../support/splits.js";
import { load } from "./load.js";

interface Payload {
  type: "text" | "binary";
  size: number;
  content?: "trade" | "words" | "feed" | "numbered";
}

interface FrameCounter {
  readonly messages: number;
  readonly bytes: number;
  readonly isInsideFrame: boolean;
  add(piece: Buffer): void;
}

interface Modules {
  messagesOf(payload: Payload): Buffer[];
  clientFrame(payload: Buffer, type: "text" | "binary"): Buffer;
  FrameCounter: new () => FrameCounter;
}

let modules: Modules;

beforeAll(async () => {
  const names = ["payloads.mjs", "frames.mjs", "serving/frame-counter.mjs"];
  const [payloads, frames, counter] = await Promise.all(names.map((name) => load<object>(name)));
  modules = { ...payloads, ...frames, ...counter } as Modules;
});

describe("the payloads of the benchmark", () => {
  it.each(["trade", "words", "feed", "numbered"] as const)("have the requested size: %s", (content) => {
    for (const size of [256, 1000, 1024, 16_384]) {
      const messages = modules.messagesOf({ type: "text", size, content });
      expect(new Set(messages.map(({ length }) => length))).toEqual(new Set([size]));
    }
  });

  it("are different JSON texts in a feed", () => {
    const texts = modules.messagesOf({ type: "text", size: 256, content: "feed" }).map(String);
    expect(new Set(texts).size).toBe(texts.length);
    expect(JSON.parse(texts[0]!)).toMatchObject({ type: "trade", size: 256 });
  });

  it("are valid non-ASCII UTF-8 in words", () => {
    const [message] = modules.messagesOf({ type: "text", size: 1001, content: "words" });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message);
    expect(text.length).toBeLessThan(700);
  });
});

describe("the frame counter of the benchmark", () => {
  it("counts messages and bytes in any segmentation, without control frames", () => {
    const frame = (size: number) => modules.clientFrame(Buffer.alloc(size, "x"), "text");
    const fragment = frame(3);
    fragment[0] = 0x01;
    const ping = frame(4);
    ping[0] = 0x89;
    const stream = Buffer.concat([frame(0), frame(5), ping, fragment, frame(125), frame(126), frame(300)]);
    for (const pieces of splitsOf(stream)) {
      const counter = new modules.FrameCounter();
      for (const piece of pieces) counter.add(Buffer.from(piece));
      expect(counter).toMatchObject({ messages: 5, bytes: stream.length, isInsideFrame: false });
    }
  });

  it("detects an incomplete last message", () => {
    const counter = new modules.FrameCounter();
    counter.add(modules.clientFrame(Buffer.alloc(70_000), "binary").subarray(0, -1));
    expect(counter).toMatchObject({ messages: 1, isInsideFrame: true });
    counter.add(Buffer.alloc(1));
    expect(counter).toMatchObject({ messages: 1, isInsideFrame: false });
  });
});
