import { describe, expect, it } from "vitest";
import { received, sizeOf, toBytes, toCloseFrame, toControlPayload, toText } from "../../src/ws/data.js";

describe("data to send", () => {
  it.each([
    ["a string", "é", Buffer.from("é")],
    ["a number", 12, Buffer.from("12")],
    ["nothing", undefined, Buffer.alloc(0)],
    ["null", null, Buffer.alloc(0)],
    ["an ArrayBuffer", new Uint8Array([1, 2]).buffer, Buffer.from([1, 2])],
    ["part of an array", new Uint16Array([1, 2]).subarray(1), Buffer.from([2, 0])],
    ["an array", [1, 2, 300], Buffer.from([1, 2, 44])],
    ["an object with valueOf", { valueOf: (): string => "x" }, Buffer.from("x")],
  ])("%s becomes bytes", (_name, data, expected) => {
    expect(toBytes(data)).toEqual(expected);
    expect(sizeOf(data)).toBe(expected.length);
  });

  it.each([[true], [{}], [Symbol("s")], [() => 1]])("%s is a TypeError", (data) => {
    expect(() => toBytes(data)).toThrow(TypeError);
  });

  it("becomes text only if it is UTF-8", () => {
    expect([toText("a"), toText(Buffer.from("é")), toText(7)]).toEqual(["a", "é", "7"]);
    expect(() => toText(Buffer.from([0xff]))).toThrow(TypeError);
  });

  it("of a Blob has the size of the Blob", () => {
    expect(sizeOf(new Blob(["abc"]))).toBe(3);
  });

  it("of a ping has at most 125 bytes", () => {
    expect(toControlPayload("x".repeat(125)).length).toBe(125);
    expect(() => toControlPayload("x".repeat(126))).toThrow(RangeError);
  });
});

describe("the content of a Close frame", () => {
  it.each([
    [undefined, undefined, [null, ""]],
    [undefined, "ignored", [null, ""]],
    [1000, undefined, [1000, ""]],
    [4999, "r", [4999, "r"]],
    [1014, Buffer.from("é"), [1014, "é"]],
  ])("%s, %s", (code, data, expected) => {
    expect(toCloseFrame(code, data)).toEqual(expected);
  });

  it.each([999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN, "1000", null, true])(
    "refuses the code %s",
    (code) => {
      expect(() => toCloseFrame(code, "")).toThrow(TypeError);
    },
  );

  it("refuses a reason that is too long or not text", () => {
    expect(() => toCloseFrame(1000, "é".repeat(62))).toThrow(RangeError);
    for (const data of [1, {}, null]) expect(() => toCloseFrame(1000, data)).toThrow(TypeError);
  });
});

describe("received data", () => {
  const part = Buffer.from("abcdef").subarray(1, 3);

  it("has the form of binaryType", async () => {
    expect(received(part, true, "nodebuffer")).toBe(part);
    expect(received(part, true, "fragments")).toEqual([part]);
    expect(received(part, true, "arraybuffer")).toEqual(new Uint8Array([98, 99]).buffer);
    const whole = Buffer.from(new Uint8Array([1, 2]).buffer);
    expect(received(whole, true, "arraybuffer")).toBe(whole.buffer);
    expect(await (received(part, true, "blob") as Blob).text()).toBe("bc");
  });

  it.each(["nodebuffer", "fragments", "arraybuffer", "blob"] as const)(
    "of text is a Buffer with %s",
    (type) => {
      expect(received("é", false, type)).toEqual(Buffer.from("é"));
      expect(received(part, false, type)).toBe(part);
    },
  );
});
