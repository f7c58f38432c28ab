import {
  add,
  add16,
  and,
  andVector,
  anyBit,
  atLeastUnsigned8,
  choose,
  type Code,
  constant,
  countBits,
  fill8,
  get,
  greaterThanSigned8,
  highBits,
  i32,
  ifElse,
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

/** A byte that continues a character is 0b10xxxxxx: as a number with a sign at most the one, and less than the other. */
const largestContinuation = 0xbf;
const leastBeginning = 0xc0;

/** A character of four bytes begins with such a byte, or a larger one. */
const leastLeadOfFour = 0xf0;

/** How many bytes of a character lie before its last one: `at` is so far before the bytes that are looked at. */
const maxBytesBefore = 3;

/** So many bytes are looked at together, to find what they need; the vectors of them are decoded one by one. */
const stretchSize = 64;
const vectorSize = 16;

const at = 0;
const end = 1;
const out = 2;
const stretchEnd = 3;
/** Of each byte in a vector whether a character ends with it, the first one lowest; of a half of them. */
const ends = 4;
const halfEnds = 5;
/** Each byte, and the ones before it. */
const last = 6;
const second = 7;
const third = 8;
/** Of each byte whether it continues a character. */
const continues = 9;
/** Of each byte the unit of the character that ends with it: bits 0 to 7, and 8 to 15. */
const lower = 10;
const upper = 11;
/** Of each byte whether it is the third, or the fourth, of a character of four. */
const isThirdOfFour = 12;
const isFourthOfFour = 13;
const largest = 14;
/** What is the same for all; the second and the third are bits 6 and 7, and 4 to 7, too. */
const continuation = 15;
const beginning = 16;
const leadOfFour = 17;
const bits0To6 = 18;
const bits0To3 = 19;
const zero = 20;

const locals = [...Array<number>(3).fill(i32), ...Array<number>(15).fill(v128)];

/**
 * Where the units of half a vector are put: for each set of `ends` the 16 bytes that say where each byte comes from.
 */
export const ordersAt: number = 0;

/** A place that is out of reach: such a byte becomes zero. */
const noByte = 0xff;

/** Writes what brings the units together at which characters end. */
export function writeOrders(memory: ArrayBuffer): void {
  const orders = new Uint8Array(memory, ordersAt, 256 * 16).fill(noByte);
  for (let set = 0; set < 256; set++) {
    let orderAt = set * 16;
    for (let unit = 0; unit < 8; unit++) {
      if ((set & (1 << unit)) === 0) continue;
      orders[orderAt++] = unit * 2;
      orders[orderAt++] = unit * 2 + 1;
    }
  }
}

function advance(local: number, by: number): Code {
  return set(local, add(get(local), constant(by)));
}

function fill(byte: number): Code {
  return fill8(constant(byte));
}

/** Bits of each byte, moved up; those that come over from the byte beside it are no part of `bits`. */
function bitsUp(value: Code, by: number, bits: Code): Code {
  return andVector(shiftLeft16(value, constant(by)), bits);
}

function bitsDown(value: Code, by: number, bits: Code): Code {
  return andVector(shiftRight16(value, constant(by)), bits);
}

/** 0b0aaaaaaa, 0b110aaaaa_10bbbbbb, 0b1110aaaa_10bbbbbb_10cccccc (RFC 3629 3): the units of those that end in this vector. */
function findUnits(): Code {
  const fromSecond = andVector(bitsUp(get(second), 6, get(beginning)), get(continues));
  const secondContinues = greaterThanSigned8(get(beginning), get(second));
  const fromThird = andVector(bitsUp(get(third), 4, get(leadOfFour)), secondContinues);
  const fromBoth = orVector(bitsDown(get(second), 2, get(bits0To3)), fromThird);
  return [
    ...set(last, loadVector(get(at), maxBytesBefore)),
    ...set(second, loadVector(get(at), 2)),
    ...set(third, loadVector(get(at), 1)),
    ...set(continues, greaterThanSigned8(get(beginning), get(last))),
    ...set(lower, orVector(andVector(get(last), get(bits0To6)), fromSecond)),
    ...set(upper, andVector(fromBoth, get(continues))),
    // A character ends where the next byte continues none.
    ...set(ends, highBits(greaterThanSigned8(loadVector(get(at), maxBytesBefore + 1), get(continuation)))),
  ];
}

/**
 * 0b11110aaa_10bbbbbb_10cccccc_10dddddd: the surrogates that stand for it (RFC 2781 2.1) are put where its third and its
 * fourth byte are; but for what takes 0x10000 off the first.
 */
function findSurrogates(): Code {
  const firstLower = orVector(bitsUp(get(second), 2, fill(0xfc)), bitsDown(get(last), 4, fill(0x03)));
  const secondUpper = orVector(bitsDown(get(second), 2, fill(0x03)), fill(0xdc));
  return [
    ...set(isThirdOfFour, atLeastUnsigned8(get(third), get(leadOfFour))),
    ...set(isFourthOfFour, atLeastUnsigned8(loadVector(get(at)), get(leadOfFour))),
    ...set(lower, choose(firstLower, get(lower), get(isThirdOfFour))),
    ...set(upper, choose(andVector(get(third), fill(0x07)), get(upper), get(isThirdOfFour))),
    ...set(upper, choose(secondUpper, get(upper), get(isFourthOfFour))),
    ...set(ends, or(get(ends), highBits(get(isThirdOfFour)))),
  ];
}

type Interleave = (lower: Code, upper: Code) => Code;

function units(interleave: Interleave): Code {
  return interleave(get(lower), get(upper));
}

/** A first surrogate is 0xd800 and the upper bits of a character less 0x10000, which makes 0xd7c0 in all. */
function unitsWithSurrogates(interleave: Interleave): Code {
  const inThird = (byte: number): Code => andVector(get(isThirdOfFour), fill(byte));
  return add16(units(interleave), interleave(inThird(0xc0), inThird(0xd7)));
}

/** Writes those units of half a vector at which a character ends. */
function writeUnits(half: Code, endsOfHalf: Code): Code {
  return [
    ...set(halfEnds, endsOfHalf),
    ...storeVector(get(out), pickBytes(half, loadVector(shiftLeft(get(halfEnds), constant(4)), ordersAt))),
    ...set(out, add(get(out), shiftLeft(countBits(get(halfEnds)), constant(1)))),
  ];
}

function writeVector(unitsOf: (interleave: Interleave) => Code): Code {
  return [
    ...writeUnits(unitsOf(interleaveLowerHalf), and(get(ends), constant(0xff))),
    ...writeUnits(unitsOf(interleaveUpperHalf), shiftRight(get(ends), constant(8))),
  ];
}

function forEachVector(body: Code): Code {
  return whileTrue(lessThan(get(at), get(stretchEnd)), [...body, ...advance(at, vectorSize)]);
}

const offsets = [0, 16, 32, 48];

function takeAscii(): Code {
  const copies = offsets.flatMap((offset) => {
    const bytes = loadVector(get(at), maxBytesBefore + offset);
    const lowerHalf = storeVector(get(out), widenLowerHalf(bytes), offset * 2);
    return [...lowerHalf, ...storeVector(get(out), widenUpperHalf(bytes), offset * 2 + vectorSize)];
  });
  return [...copies, ...advance(out, stretchSize * 2), ...set(at, get(stretchEnd))];
}

/** Looks at the bytes of a stretch, and at those before it that belong to the same character. */
function findLargest(): Code {
  const all = [...offsets, stretchSize + maxBytesBefore - vectorSize];
  const vectors = all.map((offset) => loadVector(get(at), offset));
  return set(
    largest,
    vectors.reduce((one, other) => maxUnsigned8(one, other)),
  );
}

function takeStretch(): Code {
  const hasFour = anyBit(atLeastUnsigned8(get(largest), get(leadOfFour)));
  const takeBeyondAscii = ifElse(
    hasFour,
    forEachVector([...findUnits(), ...findSurrogates(), ...writeVector(unitsWithSurrogates)]),
    forEachVector([...findUnits(), ...writeVector(units)]),
  );
  return [
    ...set(stretchEnd, add(get(at), constant(stretchSize))),
    ...findLargest(),
    ...ifElse(highBits(get(largest)), takeBeyondAscii, takeAscii()),
  ];
}

/**
 * Decodes valid UTF-8 from `at` to `end`, and gives the number of units. For each byte the unit is found of the character
 * that would end there, and then those are brought together at which one does: no branch depends on the sizes
 * of characters but where they begin to have four bytes. The idea is that of "Transcoding Unicode Characters with
 * AVX-512 Instructions" (Clausecker and Lemire, 2023).
 *
 * @param unitsAt - Where they go: the function is given it, too, as the third number.
 */
export function wideUtf8Function(unitsAt: number): WasmFunction {
  const count = shiftRight(subtract(get(out), constant(unitsAt)), constant(1));
  const code = [
    // A local begins as zero. Zeros behind the text are characters of ASCII, and are not counted at the end.
    ...offsets.flatMap((offset) => storeVector(get(end), get(zero), offset)),
    ...advance(at, -maxBytesBefore),
    ...advance(end, -maxBytesBefore),
    ...set(continuation, fill(largestContinuation)),
    ...set(beginning, fill(leastBeginning)),
    ...set(leadOfFour, fill(leastLeadOfFour)),
    ...set(bits0To6, fill(0x7f)),
    ...set(bits0To3, fill(0x0f)),
    ...whileTrue(lessThan(get(at), get(end)), takeStretch()),
    ...subtract(count, subtract(get(at), get(end))),
  ];
  return { locals, code };
}
