import { describe, expect, it } from "vitest";
import { closePayload, fragments, frame } from "../../src/testing/frame.js";
import {
  boundaryLengths,
  frame as expectedFrame,
  fragments as expectedFragments,
  opcodes,
} from "../support/wire.js";

describe("frame()", () => {
  it.each(boundaryLengths)("encodes the length %i in the fewest bytes", (length) => {
    const payload = Buffer.alloc(length, "payload");
    expect(
      frame({ opcode: opcodes.binary, payload }).equals(expectedFrame({ opcode: opcodes.binary, payload })),
    ).toBe(true);
  });

  it("is final, without RSV1 and empty by default", () => {
    expect([...frame({ opcode: opcodes.ping })]).toEqual([0x89, 0]);
  });

  it.each([
    [{ isFinal: false }, 0x01],
    [{ rsv1: true }, 0xc1],
    [{ isFinal: false, rsv1: true }, 0x41],
    [{ isFinal: undefined, rsv1: undefined, payload: undefined }, 0x81],
  ])("sets the bits of the first byte: %o", (parts, first) => {
    expect([...frame({ opcode: opcodes.text, ...parts })]).toEqual([first, 0]);
  });

  it.each([0, 3, 7, 8, 11, 15])("accepts any opcode: %i", (opcode) => {
    expect(frame({ opcode })[0]).toBe(0x80 | opcode);
  });

  it("encodes a string as UTF-8 and counts its bytes", () => {
    const text = "é".repeat(63);
    expect(frame({ opcode: opcodes.text, payload: text })).toEqual(
      Buffer.concat([Buffer.from([0x81, 126, 0, 126]), Buffer.from(text)]),
    );
  });

  it("copies the payload and contains only the given view", () => {
    const memory = Uint8Array.from([1, 2, 3, 4]);
    const bytes = frame({ opcode: opcodes.binary, payload: memory.subarray(1, 3) });
    memory.fill(9);
    expect([...bytes]).toEqual([0x82, 2, 2, 3]);
  });

  it("does not reject a control frame that is too large or fragmented", () => {
    const bytes = frame({ opcode: opcodes.ping, payload: Buffer.alloc(126), isFinal: false });
    expect([...bytes.subarray(0, 4)]).toEqual([0x09, 126, 0, 126]);
  });
});

describe("fragments()", () => {
  it.each([
    ["text in one frame", opcodes.text, ["whole"]],
    ["text in three frames", opcodes.text, ["in ", "", "pieces"]],
    ["binary in two frames", opcodes.binary, [Buffer.from([1]), Buffer.from([2])]],
  ])("encodes %s", (_, opcode, pieces) => {
    expect(fragments(pieces)).toEqual(Buffer.concat(expectedFragments(opcode, pieces)));
  });

  it("uses the kind of the first piece", () => {
    expect([...fragments(["a", Buffer.from([0xff])])]).toEqual([0x01, 1, 0x61, 0x80, 1, 0xff]);
    expect([...fragments([Buffer.from([0xff]), "a"])]).toEqual([0x02, 1, 0xff, 0x80, 1, 0x61]);
  });

  it("returns no bytes for no pieces", () => {
    expect(fragments([])).toHaveLength(0);
  });
});

describe("closePayload()", () => {
  it.each([
    [0, "", [0, 0]],
    [999, "", [0x03, 0xe7]],
    [1000, "bye", [0x03, 0xe8, 0x62, 0x79, 0x65]],
    [1005, "", [0x03, 0xed]],
    [65_535, Uint8Array.from([0xff]), [0xff, 0xff, 0xff]],
  ])("encodes the code %i and the reason %o without a check", (code, reason, expected) => {
    expect([...closePayload(code, reason)]).toEqual(expected);
  });

  it("encodes the reason as UTF-8", () => {
    expect(closePayload(1000, "é").subarray(2)).toEqual(Buffer.from("é"));
  });

  it("is empty without a code, and contains no reason then", () => {
    expect(closePayload(undefined, "ignored")).toHaveLength(0);
  });
});
