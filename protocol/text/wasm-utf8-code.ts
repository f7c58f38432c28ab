// Generates the WebAssembly function that decodes UTF-8 to UTF-16 with vectors of 16 bytes. It does not validate its
// input.
import {
  add,
  add16,
  and,
  andVector,
  anyBit,
  atLeastUnsigned8,
  bitSelect,
  type Code,
  constant,
  countBits,
  splat8,
  get,
  greaterThanSigned8,
  highBits,
  i32,
  ifElse,
  type Instruction,
  interleaveLowerHalf,
  interleaveUpperHalf,
  lessThan,
  loadVector,
  maxUnsigned8,
  or,
  orVector,
  pickBytes,
  set,
  shiftLeft,
  shiftLeft16,
  shiftRight,
  shiftRight16,
  storeVector,
  subtract,
  v128,
  whileTrue,
  widenLowerHalf,
  widenUpperHalf,
  type WasmFunction,
} from "../wasm-module.js";

/**
 * Maximum number of bytes of a character before its last byte. The local variable `at` is the memory offset of the
 * current vector minus this number.
 */
const maxBytesBefore = 3;

/** Number of bytes of a block. The bytes of a block are classified together and then decoded vector by vector. */
const blockSize = 64;
/** Size of a vector in bytes. */
const vectorSize = 16;

// Indexes of the parameters (0 to 2) and of the local variables of the function.
const at = 0;
const end = 1;
const out = 2;
const blockEnd = 3;
/** One bit per byte of the vector: 1 if a character ends at this byte. The lowest bit belongs to the first byte. */
const ends = 4;
/** The bits of `ends` for one half of the vector. */
const halfEnds = 5;
/** For each position of the vector: its byte, and the two bytes before it. */
const lastByte = 6;
const secondToLast = 7;
const thirdToLast = 8;
/** For each position of the vector: whether its byte is a continuation byte. */
const continues = 9;
/** For each position: bits 0 to 7 of the UTF-16 code unit of the character that ends at this position. */
const lower = 10;
/** For each position: bits 8 to 15 of the UTF-16 code unit of the character that ends at this position. */
const upper = 11;
/** For each position: whether its byte is the third byte of a character of four bytes. */
const isThirdOfFour = 12;
/** For each position: the largest byte that a vector of the block has at this position. */
const largest = 13;
/** 0xbf at each position. As signed bytes, continuation bytes are -128 to -65 (0xbf). All other bytes are larger. */
const continuation = 14;
/**
 * 0xc0 at each position. As signed bytes, continuation bytes are smaller than -64 (0xc0). All other bytes are -64 or
 * larger. 0xc0 is also the mask of bits 6 and 7.
 */
const startByte = 15;
/**
 * 0xf0 at each position: the smallest first byte of a character of four bytes. 0xf0 is also the mask of bits 4 to 7.
 */
const leadOfFour = 16;
const bits0To6 = 17;
const bits0To3 = 18;

const locals = [...Array<number>(3).fill(i32), ...Array<number>(13).fill(v128)];

/**
 * Memory offset of the shuffle masks. Each value of `halfEnds` has a mask of 16 bytes. A byte of the mask is the index
 * of the source byte for the byte of the result at the same position.
 */
export const shuffleMasksOffset: number = 0;

/** Writes the shuffle masks. A shuffle mask removes the code units at which no character ends. */
export function writeShuffleMasks(memory: ArrayBuffer): void {
  // The index 0xff is beyond the vector: the byte of the result becomes 0.
  const masks = new Uint8Array(memory, shuffleMasksOffset, 256 * 16).fill(0xff);
  for (let set = 0; set < 256; set++) {
    let maskOffset = set * 16;
    for (let unit = 0; unit < 8; unit++) {
      if ((set & (1 << unit)) === 0) continue;
      masks[maskOffset++] = unit * 2;
      masks[maskOffset++] = unit * 2 + 1;
    }
  }
}

const advance = (local: number, by: number): Code => set(local, add(get(local), constant(by)));

/** A vector with the same byte at each position. */
const fill = (byte: number): Code => splat8(constant(byte));

/** Shifts each byte to the left. The mask `bits` removes the bits that come from the neighbouring byte. */
function bitsUp(value: Code, by: number, bits: Code): Code {
  return andVector(shiftLeft16(value, constant(by)), bits);
}

/** Shifts each byte to the right. The mask `bits` removes the bits that come from the neighbouring byte. */
function bitsDown(value: Code, by: number, bits: Code): Code {
  return andVector(shiftRight16(value, constant(by)), bits);
}

/**
 * Computes the code units of the characters of one to three bytes that end in this vector. RFC 3629 3 defines their
 * bytes: 0b0aaaaaaa, 0b110aaaaa_10bbbbbb and 0b1110aaaa_10bbbbbb_10cccccc.
 */
function findUnits(): Code {
  const fromSecondToLast = andVector(bitsUp(get(secondToLast), 6, get(startByte)), get(continues));
  const secondToLastContinues = greaterThanSigned8(get(startByte), get(secondToLast));
  const fromThirdToLast = andVector(bitsUp(get(thirdToLast), 4, get(leadOfFour)), secondToLastContinues);
  const fromBoth = orVector(bitsDown(get(secondToLast), 2, get(bits0To3)), fromThirdToLast);
  return [
    ...set(lastByte, loadVector(get(at), maxBytesBefore)),
    ...set(secondToLast, loadVector(get(at), 2)),
    ...set(thirdToLast, loadVector(get(at), 1)),
    ...set(continues, greaterThanSigned8(get(startByte), get(lastByte))),
    ...set(lower, orVector(andVector(get(lastByte), get(bits0To6)), fromSecondToLast)),
    ...set(upper, andVector(fromBoth, get(continues))),
    // A character ends at a position if the next byte is not a continuation byte.
    ...set(ends, highBits(greaterThanSigned8(loadVector(get(at), maxBytesBefore + 1), get(continuation)))),
  ];
}

/**
 * A character of four bytes, 0b11110aaa_10bbbbbb_10cccccc_10dddddd, becomes two surrogates (RFC 2781 2.1). The
 * surrogates are stored at the positions of the third and the fourth byte. {@link unitsWithSurrogates} later subtracts
 * 0x10000.
 */
function findSurrogates(): Code {
  const firstLower = orVector(
    bitsUp(get(secondToLast), 2, fill(0xfc)),
    bitsDown(get(lastByte), 4, fill(0x03)),
  );
  const secondUpper = orVector(bitsDown(get(secondToLast), 2, fill(0x03)), fill(0xdc));
  const isFourthOfFour = atLeastUnsigned8(loadVector(get(at)), get(leadOfFour));
  return [
    ...set(isThirdOfFour, atLeastUnsigned8(get(thirdToLast), get(leadOfFour))),
    ...set(lower, bitSelect(firstLower, get(lower), get(isThirdOfFour))),
    ...set(upper, bitSelect(andVector(get(thirdToLast), fill(0x07)), get(upper), get(isThirdOfFour))),
    ...set(upper, bitSelect(secondUpper, get(upper), isFourthOfFour)),
    ...set(ends, or(get(ends), highBits(get(isThirdOfFour)))),
  ];
}

const units = (interleave: Instruction): Code => interleave(get(lower), get(upper));

/** RFC 2781 2.1: a high surrogate is 0xd800 + ((code point - 0x10000) >> 10). This is 0xd7c0 + (code point >> 10). */
function unitsWithSurrogates(interleave: Instruction): Code {
  const inThird = (byte: number): Code => andVector(get(isThirdOfFour), fill(byte));
  return add16(units(interleave), interleave(inThird(0xc0), inThird(0xd7)));
}

/** Writes the code units of half a vector. Omits each position at which no character ends. */
function writeUnits(half: Code, endsOfHalf: Code): Code {
  const mask = loadVector(shiftLeft(get(halfEnds), constant(4)), shuffleMasksOffset);
  return [
    ...set(halfEnds, endsOfHalf),
    ...storeVector(get(out), pickBytes(half, mask)),
    ...set(out, add(get(out), shiftLeft(countBits(get(halfEnds)), constant(1)))),
  ];
}

function writeVector(unitsOf: (interleave: Instruction) => Code): Code {
  return [
    ...writeUnits(unitsOf(interleaveLowerHalf), and(get(ends), constant(0xff))),
    ...writeUnits(unitsOf(interleaveUpperHalf), shiftRight(get(ends), constant(8))),
  ];
}

function forEachVector(body: Code): Code {
  return whileTrue(lessThan(get(at), get(blockEnd)), [...body, ...advance(at, vectorSize)]);
}

const offsets = [0, 16, 32, 48];

function decodeAscii(): Code {
  const copies = offsets.flatMap((offset) => {
    const bytes = loadVector(get(at), maxBytesBefore + offset);
    const lowerHalf = storeVector(get(out), widenLowerHalf(bytes), offset * 2);
    return [...lowerHalf, ...storeVector(get(out), widenUpperHalf(bytes), offset * 2 + vectorSize)];
  });
  return [...copies, ...advance(out, blockSize * 2), ...set(at, get(blockEnd))];
}

/**
 * Finds the largest bytes of a block and of the three bytes before it. The first character may begin in these bytes.
 */
function findLargest(): Code {
  const all = [...offsets, blockSize + maxBytesBefore - vectorSize];
  const vectors = all.map((offset) => loadVector(get(at), offset));
  const largestOfAll = vectors.reduce((one, other) => maxUnsigned8(one, other));
  return set(largest, largestOfAll);
}

function decodeBlock(): Code {
  const hasFour = anyBit(atLeastUnsigned8(get(largest), get(leadOfFour)));
  const decodeNonAscii = ifElse(
    hasFour,
    forEachVector([...findUnits(), ...findSurrogates(), ...writeVector(unitsWithSurrogates)]),
    forEachVector([...findUnits(), ...writeVector(units)]),
  );
  return [
    ...set(blockEnd, add(get(at), constant(blockSize))),
    ...findLargest(),
    ...ifElse(highBits(get(largest)), decodeNonAscii, decodeAscii()),
  ];
}

/**
 * Generates a function that decodes valid UTF-8 from `at` to `end` and returns the number of UTF-16 code units.
 *
 * At each byte, the function computes the code unit of a character that would end there. Then it keeps only the code
 * units of the bytes at which a character ends. Most of the code therefore does not depend on the sizes of the
 * characters. Only blocks with a character of four bytes have a branch of their own. The idea is from "Transcoding
 * Unicode Characters with AVX-512 Instructions" (Clausecker and Lemire, 2023).
 *
 * @param unitsOffset - Memory offset of the output. It must also be the third argument of each call of the function.
 */
export function wasmUtf8Function(unitsOffset: number): WasmFunction {
  const count = shiftRight(subtract(get(out), constant(unitsOffset)), constant(1));
  const code = [
    // Writes zeros after the text. They are decoded as ASCII characters, and their number is subtracted from the count.
    ...offsets.flatMap((offset) => storeVector(get(end), fill(0), offset)),
    ...advance(at, -maxBytesBefore),
    ...advance(end, -maxBytesBefore),
    ...set(continuation, fill(0xbf)),
    ...set(startByte, fill(0xc0)),
    ...set(leadOfFour, fill(0xf0)),
    ...set(bits0To6, fill(0x7f)),
    ...set(bits0To3, fill(0x0f)),
    ...whileTrue(lessThan(get(at), get(end)), decodeBlock()),
    ...subtract(count, subtract(get(at), get(end))),
  ];
  return { locals, code };
}
