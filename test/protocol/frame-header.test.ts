import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../protocol/errors.js";
import {
  checkHeaderStart,
  firstByteOf,
  hasRsv1,
  headerSizeFor,
  payloadSizeIn,
  headerSizeOf,
  isControl,
  isFinal,
  opcodeOf,
  readPayloadSize,
  writeHeader,
} from "../../protocol/frame-header.js";
import { boundaryLengths, frame } from "../support/wire.js";

const largeSizes = [
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 5,
  2 ** 40 + 1,
  Number.MAX_SAFE_INTEGER,
];

/** Returns a header without payload, including the masking key if it is masked. */
function header(size: number, mask: boolean): Buffer {
  return frame({ opcode: 2, announced: size, mask });
}

describe("the first byte", () => {
  it("is decoded as RFC 6455 5.2 defines, for all 256 values", () => {
    for (let first = 0; first < 256; first++) {
      const read = [isFinal(first), hasRsv1(first), isControl(first), opcodeOf(first)];
      expect(read, `0x${first.toString(16)}`).toEqual([
        first >= 0x80,
        first % 0x80 >= 0x40,
        first % 16 >= 8,
        first % 16,
      ]);
    }
  });

  it.each([
    [1, false, 0x81],
    [2, true, 0xc2],
    [8, false, 0x88],
    [10, false, 0x8a],
  ])("of a message in one frame with opcode %d and RSV1 %s is 0x%i", (opcode, rsv1, first) => {
    expect(firstByteOf(opcode, rsv1)).toBe(first);
  });
});

describe.each([true, false])("a header, masked %s", (isMasked) => {
  it.each([...boundaryLengths, ...largeSizes])("uses the shortest form for %d bytes", (size) => {
    const expected = header(size, isMasked);
    expect(headerSizeFor(size, isMasked)).toBe(expected.length);
    expect(headerSizeOf(expected[1]!)).toBe(expected.length);
    const bytes = Buffer.alloc(40, 0xee);
    const end = writeHeader(bytes, 5, 0x82, isMasked, size);
    const keySize = isMasked ? 4 : 0;
    expect(end).toBe(5 + expected.length - keySize);
    expect(bytes.subarray(5, end)).toEqual(expected.subarray(0, expected.length - keySize));
    expect([bytes[4], bytes[end]]).toEqual([0xee, 0xee]);
    expect(readPayloadSize(bytes, 5)).toBe(size);
  });
});

describe("readPayloadSize", () => {
  function sizeOf(length: readonly number[]): unknown {
    const size = readPayloadSize(Buffer.from([0xff, 0x82, ...length]), 1);
    return size instanceof ProtocolError ? [size.code, size.closeCode] : size;
  }

  const invalid = ["INVALID_LENGTH", 1002];

  it.each([
    ["0 in 16 bits", [126, 0, 0], invalid],
    ["125 in 16 bits", [126, 0, 125], invalid],
    ["126 in 16 bits", [126, 0, 126], 126],
    ["65535 in 16 bits", [126, 255, 255], 65535],
    ["0 in 64 bits", [127, 0, 0, 0, 0, 0, 0, 0, 0], invalid],
    ["125 in 64 bits", [127, 0, 0, 0, 0, 0, 0, 0, 125], invalid],
    ["65535 in 64 bits", [127, 0, 0, 0, 0, 0, 0, 255, 255], invalid],
    ["65536 in 64 bits", [127, 0, 0, 0, 0, 0, 1, 0, 0], 65536],
    ["2^32 in 64 bits", [127, 0, 0, 0, 1, 0, 0, 0, 0], 2 ** 32],
    ["2^62 in 64 bits", [127, 0x40, 0, 0, 0, 0, 0, 0, 0], 2 ** 62],
    ["2^63 - 1 in 64 bits", [127, 0x7f, 255, 255, 255, 255, 255, 255, 255], 2 ** 63],
    ["2^63 in 64 bits", [127, 0x80, 0, 0, 0, 0, 0, 0, 0], invalid],
    ["2^64 - 1 in 64 bits", [127, 255, 255, 255, 255, 255, 255, 255, 255], invalid],
    ["1 in 64 bits with the highest bit set", [127, 0x80, 0, 0, 0, 0, 0, 0, 1], invalid],
  ])("checks a length of %s", (_what, length, expected) => {
    expect(sizeOf(length)).toEqual(expected);
    expect(sizeOf([length[0]! | 0x80, ...length.slice(1)])).toEqual(expected);
  });
});

describe("checkHeaderStart", () => {
  /** The rules of RFC 6455 5 and RFC 7692 6 for one header. The RFCs do not define the order of the checks. */
  function expectedFault(first: number, second: number, isMaskExpected: boolean): string | undefined {
    const [fin, rsv1, rsv2, rsv3] = [0x80, 0x40, 0x20, 0x10].map((bit) => (first & bit) !== 0);
    const opcode = first & 15;
    if (rsv2 || rsv3) return "UNEXPECTED_RSV";
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return "UNKNOWN_OPCODE";
    if (opcode >= 8 && !fin) return "FRAGMENTED_CONTROL_FRAME";
    if (opcode >= 8 && (second & 0x7f) > 125) return "CONTROL_FRAME_TOO_BIG";
    if (opcode >= 8 && rsv1) return "UNEXPECTED_RSV";
    return second >= 0x80 === isMaskExpected ? undefined : "WRONG_MASKING";
  }

  it.each([true, false])(
    "checks all 65536 values of the first two bytes, mask expected: %s",
    (isMaskExpected) => {
      const wrong: string[] = [];
      for (let start = 0; start < 65536; start++) {
        const error = checkHeaderStart(start >> 8, start & 255, isMaskExpected);
        const isRight =
          error?.code === expectedFault(start >> 8, start & 255, isMaskExpected) &&
          (error === undefined || error.closeCode === 1002);
        if (!isRight) wrong.push(`${start.toString(16)}: ${error?.code}`);
      }
      expect(wrong).toEqual([]);
    },
  );

  it("names the end that sent a wrong mask", () => {
    expect(checkHeaderStart(0x81, 0x80, false)?.message).toBe("The server sent a masked frame.");
    expect(checkHeaderStart(0x81, 0x00, true)?.message).toBe("The client sent a frame without a mask.");
    expect(checkHeaderStart(0x8f, 0x00, false)?.message).toContain("opcode 0xf");
  });
});

describe.each([true, false])("payloadSizeIn, masked: %s", (isMasked) => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 2 ** 40])(
    "computes a payload size of %i from the frame size",
    (size) => {
      expect(payloadSizeIn(size + headerSizeFor(size, isMasked), isMasked)).toBe(size);
    },
  );
});
