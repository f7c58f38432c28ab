import { describe, expect, it } from "vitest";
import { checkClose, encodeClose, readClose } from "../../protocol/close-frame.js";
import { ProtocolError } from "../../protocol/errors.js";
import { closePayload } from "../support/wire.js";

function failureOf(payload: Buffer): readonly [string, number] | undefined {
  const close = readClose(payload);
  return close instanceof ProtocolError ? [close.code, close.closeCode] : undefined;
}

const longestReason = "é".repeat(61) + "!";

describe("readClose", () => {
  it("reads an empty payload as the code 1005", () => {
    expect(readClose(Buffer.alloc(0))).toEqual({ code: 1005, reason: "" });
  });

  it.each([
    [1000, ""],
    [1001, "going away"],
    [1014, "Grüße, 世界 🌍"],
    [4999, longestReason],
    [3000, "\u0000\ufffd\uffff"],
    [1000, "\ufeffBOM"],
  ])("reads %d %j", (code, reason) => {
    expect(readClose(closePayload(code, reason))).toEqual({ code, reason });
  });

  it("ignores bytes after the payload in a larger buffer", () => {
    const bytes = Buffer.concat([Buffer.from("\xff"), closePayload(1000, "bye"), Buffer.from("\xff")]);
    expect(readClose(bytes.subarray(2, 7))).toEqual({ code: 1000, reason: "bye" });
  });

  it.each([0x00, 0x03, 0xff])("rejects a payload of the single byte %d", (byte) => {
    expect(failureOf(Buffer.from([byte]))).toEqual(["INVALID_CLOSE", 1002]);
  });

  it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])(
    "rejects the code %d",
    (code) => {
      expect(failureOf(closePayload(code, "why"))).toEqual(["INVALID_CLOSE", 1002]);
      expect(failureOf(closePayload(code))).toEqual(["INVALID_CLOSE", 1002]);
    },
  );

  it.each([
    ["a lone continuation byte", [0x80]],
    ["an incomplete sequence", [0x61, 0xe2, 0x82]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("rejects a reason with %s", (_what, reason) => {
    expect(failureOf(closePayload(1000, Buffer.from(reason)))).toEqual(["INVALID_UTF8", 1007]);
  });
});

describe("encodeClose", () => {
  it.each([
    [1000, ""],
    [1011, "oops"],
    [4000, longestReason],
  ])("writes %d %j", (code, reason) => {
    expect(encodeClose({ code, reason })).toEqual(closePayload(code, reason));
  });

  it("writes an empty payload for 1005, which must not be sent", () => {
    expect(encodeClose({ code: 1005, reason: "" })).toHaveLength(0);
  });

  it("writes U+FFFD for a lone surrogate", () => {
    expect(encodeClose({ code: 1000, reason: "a\ud800b" })).toEqual(closePayload(1000, "a\ufffdb"));
  });
});

describe("checkClose", () => {
  it("accepts a reason of 123 bytes", () => {
    expect(Buffer.byteLength(longestReason)).toBe(123);
    expect(() => checkClose(1000, longestReason)).not.toThrow();
  });

  it("counts bytes, not characters", () => {
    expect(() => checkClose(1000, "é".repeat(62))).toThrow(
      new RangeError("The close reason has 124 bytes in UTF-8; a Close frame allows at most 123."),
    );
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, 1000.5, NaN])("rejects the code %d", (code) => {
    expect(() => checkClose(code, "")).toThrow(RangeError);
    expect(() => checkClose(code, "")).toThrow(`The close code ${code} may not be sent`);
  });
});
