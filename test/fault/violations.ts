// The table of protocol violations, each with the expected error code and close code.
import { deflateRawSync } from "node:zlib";
import type { Options } from "../support/scene.js";
import { DeflateBlocks } from "../support/deflate-blocks.js";
import {
  binaryFrame,
  closeFrame,
  closePayload,
  deflated,
  fragments,
  frame,
  opcodes,
  pingFrame,
  pongFrame,
  textFrame,
} from "../support/wire.js";

/** Invalid bytes from a server, and the expected failure. */
export interface Violation {
  readonly name: string;
  readonly bytes: readonly Uint8Array[];
  readonly code: string;
  readonly closeCode: number;
  readonly verdict: "protocol-error" | "too-big" | "policy";
  readonly options?: Options;
  /** True if permessage-deflate is negotiated. */
  readonly isCompressed?: boolean;
}

type Details = Pick<Violation, "options" | "isCompressed">;

function breach(name: string, code: string, bytes: Uint8Array | readonly Uint8Array[], more: Details = {}) {
  return violation(name, code, 1002, bytes, more);
}

function violation(
  name: string,
  code: string,
  closeCode: number,
  bytes: Uint8Array | readonly Uint8Array[],
  more: Details = {},
): Violation {
  const verdict = closeCode === 1009 ? "too-big" : closeCode === 1008 ? "policy" : "protocol-error";
  return { name, code, closeCode, verdict, bytes: bytes instanceof Uint8Array ? [bytes] : bytes, ...more };
}

const compressed = { isCompressed: true } as const;
const bytes = (...values: number[]): Buffer => Buffer.from(values);

const flags: Violation[] = [
  breach("RSV1 without an extension", "UNEXPECTED_RSV", textFrame("x", { rsv1: true })),
  breach("RSV2", "UNEXPECTED_RSV", textFrame("x", { rsv2: true })),
  breach("RSV3", "UNEXPECTED_RSV", textFrame("x", { rsv3: true })),
  breach("RSV2 next to RSV1", "UNEXPECTED_RSV", textFrame("x", { rsv1: true, rsv2: true }), compressed),
  breach("RSV1 on a ping", "UNEXPECTED_RSV", pingFrame("x", { rsv1: true }), compressed),
  breach("RSV1 on a Close", "UNEXPECTED_RSV", closeFrame(1000, "", { rsv1: true }), compressed),
  breach(
    "RSV1 on a continuation",
    "UNEXPECTED_RSV",
    [
      frame({ opcode: opcodes.text, isFinal: false, payload: "a" }),
      frame({ opcode: opcodes.continuation, rsv1: true, payload: "b" }),
    ],
    compressed,
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    breach(`opcode ${opcode}`, "UNKNOWN_OPCODE", frame({ opcode, payload: "x" })),
  ),
  breach("a masked message", "WRONG_MASKING", textFrame("x", { mask: true })),
  breach("a masked empty message", "WRONG_MASKING", binaryFrame(bytes(), { mask: true })),
  breach("a masked ping", "WRONG_MASKING", pingFrame("x", { mask: true })),
  breach("a masked Close", "WRONG_MASKING", closeFrame(1000, "", { mask: true })),
];

const lengths: Violation[] = [
  breach("a fragmented ping", "FRAGMENTED_CONTROL_FRAME", pingFrame("x", { isFinal: false })),
  breach("a fragmented pong", "FRAGMENTED_CONTROL_FRAME", pongFrame("x", { isFinal: false })),
  breach("a fragmented Close", "FRAGMENTED_CONTROL_FRAME", closeFrame(1000, "", { isFinal: false })),
  breach("a ping of 126 bytes", "CONTROL_FRAME_TOO_BIG", pingFrame("x".repeat(126))),
  breach("a Close of 65,536 bytes", "CONTROL_FRAME_TOO_BIG", closeFrame(1000, "x".repeat(65_534))),
  breach("125 bytes with a 16-bit length", "INVALID_LENGTH", textFrame("x".repeat(125), { lengthBits: 16 })),
  breach("no bytes with a 64-bit length", "INVALID_LENGTH", textFrame("", { lengthBits: 64 })),
  breach(
    "65,535 bytes with a 64-bit length",
    "INVALID_LENGTH",
    textFrame("x".repeat(65_535), { lengthBits: 64 }),
  ),
  breach("a length of 2^63", "INVALID_LENGTH", frame({ opcode: 2, announced: 2n ** 63n })),
  breach("a length of 2^64 - 1", "INVALID_LENGTH", frame({ opcode: 2, announced: 2n ** 64n - 1n })),
];

const begun = frame({ opcode: opcodes.text, isFinal: false, payload: "a" });

const order: Violation[] = [
  breach("a continuation without a message", "UNEXPECTED_CONTINUATION", frame({ opcode: 0, payload: "x" })),
  breach(
    "a continuation after the end of a message",
    "UNEXPECTED_CONTINUATION",
    // The frames sent before every violation include a complete fragmented message.
    [frame({ opcode: 0, isFinal: false, payload: "" })],
  ),
  breach("a message inside another", "EXPECTED_CONTINUATION", [begun, textFrame("b")]),
  breach("a first fragment inside a message", "EXPECTED_CONTINUATION", [
    begun,
    frame({ opcode: opcodes.binary, isFinal: false, payload: "b" }),
  ]),
];

const euro = Buffer.from("€");
const badTexts: [name: string, frames: Buffer[]][] = [
  ["an invalid byte", [textFrame(bytes(0x61, 0xff, 0x62))]],
  ["a character cut off by the end", [textFrame(bytes(0x61, ...euro.subarray(0, 2)))]],
  ["a lone continuation byte", [textFrame(bytes(0x80))]],
  ["an overlong slash", [textFrame(bytes(0xc0, 0xaf))]],
  ["a surrogate", [textFrame(bytes(0xed, 0xa0, 0x80))]],
  ["a code point beyond U+10FFFF", [textFrame(bytes(0xf4, 0x90, 0x80, 0x80))]],
  [
    "an invalid byte after 64 KiB of ASCII",
    [textFrame(Buffer.concat([Buffer.alloc(65_536, 0x61), bytes(0xff)]))],
  ],
  ["an invalid byte in the first fragment", [fragments(opcodes.text, [bytes(0xff), "b"])[0]!]],
  ["an invalid byte in the last fragment", fragments(opcodes.text, ["a", bytes(0xff)])],
  ["a character that the next fragment breaks", fragments(opcodes.text, [euro.subarray(0, 1), "b"])],
  ["a character cut off by the last fragment", fragments(opcodes.text, ["a", euro.subarray(0, 2)])],
  ["an empty last fragment after half a character", fragments(opcodes.text, [euro.subarray(0, 2), ""])],
  [
    "an invalid byte in an incomplete frame",
    [frame({ opcode: opcodes.text, payload: bytes(0x61, 0xff), announced: 1_000 })],
  ],
];

const texts: Violation[] = [
  ...badTexts.map(([name, frames]) => violation(`text with ${name}`, "INVALID_UTF8", 1007, frames)),
  violation(
    "compressed text with an invalid byte",
    "INVALID_UTF8",
    1007,
    textFrame(deflated(bytes(0x61, 0xff)), { rsv1: true }),
    compressed,
  ),
  violation(
    "compressed fragments of text with a character cut off",
    "INVALID_UTF8",
    1007,
    fragments(opcodes.text, halves(deflated(euro.subarray(0, 2))), { rsv1: true }),
    compressed,
  ),
];

const closes: Violation[] = [
  breach("a Close of one byte", "INVALID_CLOSE", frame({ opcode: opcodes.close, payload: bytes(3) })),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    breach(`a Close with the code ${code}`, "INVALID_CLOSE", closeFrame(code, "why")),
  ),
  violation("a close reason that is not UTF-8", "INVALID_UTF8", 1007, closeFrame(1000, bytes(0x61, 0xff))),
  violation("a close reason that ends in half a character", "INVALID_UTF8", 1007, [
    frame({ opcode: opcodes.close, payload: closePayload(1000, euro.subarray(0, 2)) }),
  ]),
];

const small: Options = { maxMessageSize: 1_000 };
const thousand = Buffer.alloc(1_000, 0x61);
const bomb = deflateRawSync(Buffer.alloc(30 * 1024 * 1024), { level: 9 });

function tooBig(
  name: string,
  frames: Uint8Array | readonly Uint8Array[],
  options = small,
  more: Details = {},
) {
  return violation(name, "MESSAGE_TOO_BIG", 1009, frames, { options, ...more });
}

const sizes: Violation[] = [
  tooBig("a message of one byte too many", binaryFrame(Buffer.alloc(1_001))),
  tooBig("a header that announces too much", frame({ opcode: opcodes.binary, announced: 1_001 })),
  tooBig(
    "a header that announces 2^63 - 1 bytes",
    frame({ opcode: opcodes.text, announced: 2n ** 63n - 1n }),
  ),
  tooBig("fragments that come to too much", fragments(opcodes.text, [thousand, "b"])),
  tooBig("a fragment whose header alone is too much", [
    frame({ opcode: opcodes.text, isFinal: false, payload: thousand }),
    frame({ opcode: opcodes.continuation, isFinal: false, announced: 1 }),
  ]),
  tooBig("a frame over maxFrameSize", binaryFrame(Buffer.alloc(501)), { ...small, maxFrameSize: 500 }),
  tooBig("a fragment over maxFrameSize", fragments(opcodes.binary, ["", Buffer.alloc(501)]), {
    ...small,
    maxFrameSize: 500,
  }),
  tooBig(
    "a compressed message that inflates to too much",
    binaryFrame(deflated(Buffer.alloc(1_001)), { rsv1: true }),
    small,
    compressed,
  ),
  tooBig(
    "compressed fragments that inflate to too much",
    fragments(opcodes.text, halves(deflated("x".repeat(1_001))), { rsv1: true }),
    small,
    compressed,
  ),
  tooBig(
    "a compressed header that announces too much",
    frame({ opcode: opcodes.binary, rsv1: true, announced: 1_196 }),
    small,
    compressed,
  ),
  tooBig(
    "a bomb of 30 KB for 30 MB",
    binaryFrame(bomb, { rsv1: true }),
    { maxMessageSize: 1024 * 1024 },
    compressed,
  ),
];

function halves(whole: Buffer): Buffer[] {
  const middle = Math.ceil(whole.length / 2);
  return [whole.subarray(0, middle), whole.subarray(middle)];
}

const blocks = (): DeflateBlocks => new DeflateBlocks();

const corrupt: Violation[] = (
  [
    ["a reserved block type", bytes(0x07)],
    [
      "a distance beyond the window",
      blocks()
        .fixed(["a", { length: 3, distance: 20_000 }])
        .flush()
        .bytes(),
    ],
    ["a stored block whose length does not fit", bytes(0x00, 0x05, 0x00, 0x05, 0x00, 0x61)],
    ["a block that is cut off", deflated("x".repeat(10_000) + "and no end").subarray(0, 8)],
    [
      "garbage after a final block",
      Buffer.concat([blocks().fixed(["a"], { isFinal: true }).bytes(), bytes(0x07)]),
    ],
    ["noise", bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ] satisfies [string, Buffer][]
).map(([name, payload]) =>
  violation(
    `deflate data with ${name}`,
    "INVALID_DEFLATE_DATA",
    1007,
    binaryFrame(payload, { rsv1: true }),
    compressed,
  ),
);

const amounts: Violation[] = [
  violation(
    "a message of too many fragments",
    "TOO_MANY_FRAGMENTS",
    1008,
    fragments(opcodes.text, ["a", "", "b", ""]),
    {
      options: { maxFragments: 3 },
    },
  ),
  violation("an endless message of empty fragments", "TOO_MANY_FRAGMENTS", 1008, [
    begun,
    Buffer.alloc(2 * 131_072, frame({ opcode: opcodes.continuation, isFinal: false })),
  ]),
  violation(
    "a compressed message of empty blocks",
    "TOO_MANY_DEFLATE_BLOCKS",
    1008,
    binaryFrame(Buffer.alloc(300_000, blocks().stored("").bytes()), { rsv1: true }),
    compressed,
  ),
  violation(
    "a compressed message of final blocks",
    "TOO_MANY_DEFLATE_BLOCKS",
    1008,
    binaryFrame(Buffer.alloc(130_000, bytes(0x03, 0x00)), { rsv1: true }),
    compressed,
  ),
];

export const violations: readonly Violation[] = [
  ...flags,
  ...lengths,
  ...order,
  ...texts,
  ...closes,
  ...sizes,
  ...corrupt,
  ...amounts,
];
