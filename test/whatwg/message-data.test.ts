import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { sizeOf, toBinaryType, toEventData, toSentData } from "../../src/whatwg/message-data.js";

describe("data to send", () => {
  it("keep their bytes without a copy", () => {
    const { buffer } = new Uint8Array([0, 1, 2, 3]);
    const views = [buffer, new Uint8Array(buffer), new DataView(buffer, 1, 2), Buffer.from(buffer, 2)];
    const sent = views.map((view) => toSentData(view) as Uint8Array);
    expect(sent.map((bytes) => [...bytes])).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
      [1, 2],
      [2, 3],
    ]);
    expect(sent.every((bytes) => bytes.buffer === buffer)).toBe(true);
  });

  it("have the true size of their bytes", () => {
    const bytes = new Uint8Array([7, 8]);
    expect(toSentData(bytes)).toBe(bytes);
    Object.defineProperty(bytes, "length", { value: 1000 });
    expect((toSentData(bytes) as Uint8Array).length).toBe(2);
    const detached = new Uint8Array([7, 8]);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(toSentData(detached)).toEqual(new Uint8Array(0));
    expect(toSentData(detached) === detached).toBe(false);
  });

  it("may come from another realm", () => {
    const buffer: unknown = runInNewContext("new Uint8Array([7, 8]).buffer");
    expect([...(toSentData(buffer) as Uint8Array)]).toEqual([7, 8]);
    expect([...(toSentData(runInNewContext("new Uint16Array([7])")) as Uint8Array)]).toEqual([7, 0]);
  });

  it("have a size in bytes", () => {
    expect([sizeOf("é\uD800"), sizeOf(new Blob(["abc"])), sizeOf(new Uint8Array(5))]).toEqual([5, 3, 5]);
  });
});

describe("received data", () => {
  it("are converted as binaryType requires", async () => {
    const pooled = Buffer.from("abcdef").subarray(2, 4);
    expect(toEventData("text", "arraybuffer")).toBe("text");
    expect(toEventData(pooled, "nodebuffer")).toBe(pooled);
    const buffer = toEventData(pooled, "arraybuffer") as ArrayBuffer;
    expect([buffer instanceof ArrayBuffer, Buffer.from(buffer).toString()]).toEqual([true, "cd"]);
    expect(await (toEventData(pooled, "blob") as Blob).text()).toBe("cd");
  });

  it("are not copied to an ArrayBuffer if they fill their own", () => {
    const { buffer } = new Uint8Array(4);
    expect(toEventData(Buffer.from(buffer), "arraybuffer")).toBe(buffer);
  });

  it("have a type that is checked", () => {
    expect(["blob", "arraybuffer", "nodebuffer", "Blob", "", null].map(toBinaryType)).toEqual([
      ...["blob", "arraybuffer", "nodebuffer", undefined, undefined, undefined],
    ]);
  });
});
