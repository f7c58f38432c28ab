import {
  add,
  and,
  andVector,
  type Code,
  constant,
  constant64,
  fill16,
  fill32,
  fill8,
  get,
  greaterThanSigned8,
  highBits,
  i32,
  i64,
  ifElse,
  lessThan,
  load16,
  load8,
  loadVector,
  lower32,
  narrow32,
  or,
  or64,
  orVector,
  pickBytes,
  set,
  shiftLeft,
  shiftLeft64,
  shiftRight,
  shiftRight16,
  shiftRight32,
  shiftRight64,
  store16,
  storeVector,
  subtract,
  v128,
  whileTrue,
  widen32,
  widenLowerHalf,
  widenUpperHalf,
  type WasmFunction,
} from "./wasm-module.js";
import { entriesAt, firstPairShape, ordersAt, surrogateShape } from "./wide-utf8-shapes.js";

const at = 0;
const end = 1;
const out = 2;
const bytes = 3;
const ordered = 4;
/** Where characters end from `at` on, the first byte lowest, and up to where this is known for all bytes of a shape. */
const ends = 5;
const knownEnd = 6;
/** Of the shape that comes next. */
const entry = 7;
const orderOffset = 8;
const character = 9;

function advance(by: Code, units: Code): Code {
  return [
    ...set(at, add(get(at), by)),
    ...set(out, add(get(out), shiftLeft(units, constant(1)))),
    ...set(ends, shiftRight64(get(ends), widen32(by))),
  ];
}

/** Sixteen characters of ASCII. */
function takeAscii(): Code {
  return [
    ...storeVector(get(out), widenLowerHalf(get(bytes))),
    ...storeVector(get(out), widenUpperHalf(get(bytes)), 16),
    ...advance(constant(16), constant(16)),
  ];
}

function order(): Code {
  return set(ordered, pickBytes(get(bytes), loadVector(get(orderOffset), ordersAt)));
}

/** Lanes of 0b110aaaaa_10bbbbbb or 0b00000000_0bbbbbbb become 0b00000aaa_aabbbbbb. */
function takePairs(): Code {
  const last = andVector(get(ordered), fill16(constant(0x7f)));
  const first = shiftRight16(andVector(get(ordered), fill16(constant(0x1f00))), constant(2));
  return [...order(), ...storeVector(get(out), orVector(last, first))];
}

/** Lanes of up to 0b1110aaaa_10bbbbbb_10cccccc become 0baaaabbbb_bbcccccc. */
function takeTriples(): Code {
  const last = andVector(get(ordered), fill32(constant(0x7f)));
  const second = shiftRight32(andVector(get(ordered), fill32(constant(0x3f00))), constant(2));
  const first = shiftRight32(andVector(get(ordered), fill32(constant(0xf0000))), constant(4));
  const units = set(ordered, orVector(orVector(last, second), first));
  return [...order(), ...units, ...storeVector(get(out), narrow32(get(ordered), get(ordered)))];
}

/** A character of four bytes: two units (RFC 2781 2.1). */
function takeSurrogates(): Code {
  const bits = (offset: number, mask: number, shift: number): Code =>
    shiftLeft(and(load8(get(at), offset), constant(mask)), constant(shift));
  const upper = or(bits(0, 0x07, 18), bits(1, 0x3f, 12));
  const lower = or(bits(2, 0x3f, 6), bits(3, 0x3f, 0));
  // 0x10000 is taken off by 0xd7c0, which is 0xd800 - (0x10000 >>> 10).
  const high = add(shiftRight(get(character), constant(10)), constant(0xd7c0));
  const low = or(and(get(character), constant(0x3ff)), constant(0xdc00));
  return [...set(character, or(upper, lower)), ...store16(get(out), high), ...store16(get(out), low, 2)];
}

function takeShape(): Code {
  const window = and(lower32(get(ends)), constant(0xfff));
  return [
    ...set(entry, load16(shiftLeft(window, constant(1)), entriesAt)),
    // The number of the shape times the 16 bytes of an order.
    ...set(orderOffset, and(get(entry), constant(0xff0))),
    ...ifElse(
      lessThan(get(orderOffset), constant(firstPairShape << 4)),
      takeTriples(),
      ifElse(lessThan(get(orderOffset), constant(surrogateShape << 4)), takePairs(), takeSurrogates()),
    ),
    ...advance(and(get(entry), constant(0xf)), shiftRight(get(entry), constant(12))),
  ];
}

/** Finds ends for the next 64 bytes at once: to wait for those of each step takes twice as long in all. */
function findEnds(): Code {
  // A character ends before each byte that continues none; those are 0b10xxxxxx, which is at most -0x41.
  const begins = (offset: number): Code =>
    highBits(greaterThanSigned8(loadVector(get(at), offset), fill8(constant(-0x41))));
  const half = (offset: number): Code =>
    widen32(or(begins(offset), shiftLeft(begins(offset + 16), constant(16))));
  return [
    ...set(ends, shiftRight64(or64(half(0), shiftLeft64(half(32), constant64(32))), constant64(1))),
    ...set(knownEnd, add(get(at), constant(63 - 11))),
  ];
}

/**
 * Decodes valid UTF-8 from `at` to `end`, and gives the number of units.
 *
 * @param unitsAt - Where they go: the function is given it, too, as the third number.
 */
export function wideUtf8Function(unitsAt: number): WasmFunction {
  const isLeft = lessThan(get(at), get(end));
  const isKnown = lessThan(get(at), get(knownEnd));
  const step = ifElse(highBits(get(bytes)), takeShape(), takeAscii());
  const count = shiftRight(subtract(get(out), constant(unitsAt)), constant(1));
  const code = [
    // A local begins as zero. Zeros behind the text are characters of ASCII, and are not counted at the end.
    ...storeVector(get(end), get(bytes)),
    ...whileTrue(isLeft, [
      ...findEnds(),
      ...whileTrue(and(isLeft, isKnown), [...set(bytes, loadVector(get(at))), ...step]),
    ]),
    ...subtract(count, subtract(get(at), get(end))),
  ];
  return { locals: [v128, v128, i64, i32, i32, i32, i32], code };
}
