// A reference check of UTF-8, and examples of invalid and unusual sequences.

/** The byte ranges of valid sequences (RFC 3629 4, UTF8-1 to UTF8-4), as a slow and simple reference. */
const sequences: readonly (readonly (readonly [low: number, high: number])[])[] = [
  [[0x00, 0x7f]],
  [
    [0xc2, 0xdf],
    [0x80, 0xbf],
  ],
  [
    [0xe0, 0xe0],
    [0xa0, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xe1, 0xec],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xed, 0xed],
    [0x80, 0x9f],
    [0x80, 0xbf],
  ],
  [
    [0xee, 0xef],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf0, 0xf0],
    [0x90, 0xbf],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf1, 0xf3],
    [0x80, 0xbf],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf4, 0xf4],
    [0x80, 0x8f],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
];

export interface Utf8Verdict {
  /** The index of the first invalid byte, or -1. */
  readonly badAt: number;
  /** True when the last sequence is complete. */
  readonly isWhole: boolean;
}

export function checkUtf8(bytes: Uint8Array): Utf8Verdict {
  let open = sequences;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    open = open.filter((ranges) => byte >= ranges[depth]![0] && byte <= ranges[depth]![1]);
    if (open.length === 0) return { badAt: at, isWhole: false };
    depth++;
    if (open[0]!.length === depth) {
      open = sequences;
      depth = 0;
    }
  }
  return { badAt: -1, isWhole: depth === 0 };
}

/** Byte sequences that are not UTF-8, with the index of the first invalid byte. None is merely incomplete. */
export const badUtf8: readonly (readonly [what: string, bytes: readonly number[], badAt: number])[] = [
  ["a lone continuation byte", [0x80], 0],
  ["the last lone continuation byte", [0xbf], 0],
  ["a continuation byte too many", [0xc3, 0xa9, 0xa9], 2],
  ["C0, which starts only overlong forms", [0xc0, 0x80], 0],
  ["C1, which starts only overlong forms", [0xc1, 0xbf], 0],
  ["an overlong form of three bytes", [0xe0, 0x80, 0xaf], 1],
  ["the largest overlong form of three bytes", [0xe0, 0x9f, 0xbf], 1],
  ["an overlong form of four bytes", [0xf0, 0x80, 0x80, 0xaf], 1],
  ["the largest overlong form of four bytes", [0xf0, 0x8f, 0xbf, 0xbf], 1],
  ["the first high surrogate", [0xed, 0xa0, 0x80], 1],
  ["the last low surrogate", [0xed, 0xbf, 0xbf], 1],
  ["a pair of surrogates", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], 1],
  ["U+110000", [0xf4, 0x90, 0x80, 0x80], 1],
  ["F5", [0xf5, 0x80, 0x80, 0x80], 0],
  ["F8, five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80], 0],
  ["FC, six bytes", [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], 0],
  ["FE", [0xfe], 0],
  ["FF", [0xff], 0],
  ["two bytes, the second ASCII", [0xc3, 0x28], 1],
  ["three bytes, the second ASCII", [0xe2, 0x28, 0xa1], 1],
  ["three bytes, the third ASCII", [0xe2, 0x82, 0x28], 2],
  ["three bytes, the third a lead", [0xe2, 0x82, 0xe2], 2],
  ["four bytes, the third ASCII", [0xf0, 0x90, 0x28, 0xbc], 2],
  ["four bytes, the fourth a lead", [0xf0, 0x90, 0x8c, 0xc3], 3],
];

/** Characters at the edges of RFC 3629 4. */
export const edgeCharacters: readonly string[] = [
  ...[
    0x0000, 0x007f, 0x0080, 0x07ff, 0x0800, 0x0fff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xfeff, 0xfffd,
    0xffff,
  ],
  ...[0x10000, 0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10ffff],
].map((codePoint) => String.fromCodePoint(codePoint));
