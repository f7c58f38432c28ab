// Generates the WebAssembly function that inflates the codes of one DEFLATE block. The function does not read block
// headers and does not build tables.
import {
  add,
  and,
  block,
  branch,
  branchIf,
  type Code,
  constant,
  get,
  i32,
  i64,
  ifElse,
  isZero,
  lessOrEqual,
  lessThan,
  load32,
  load64,
  load8,
  loadVector,
  loop,
  lower32,
  set,
  shiftLeft,
  shiftRight,
  shiftRight64,
  store32,
  store64,
  store8,
  storeVector,
  subtract,
  type WasmFunction,
  when,
  widen32,
} from "../../wasm-module.js";
import { distanceWidth, literalWidth } from "./deflate-alphabets.js";
import { EntryKind, kindMask } from "./huffman-table.js";

/** Indexes of the 32-bit words in which the generated function receives its start state and returns its end state. */
export const BlockState = { position: 0, end: 1, out: 2, limit: 3, lowest: 4 } as const;

// Local variables of the generated function. `literals` and `distances` are its parameters: memory offsets of tables.
const literals = 0;
const distances = 1;
/** Memory offset of the next output byte. `limit`, `lowest`, `from` and `stop` are memory offsets, too. */
const out = 2;
/** Current position in the input, in bits. `end` is the end of the input, in bits. */
const position = 3;
const end = 4;
const limit = 5;
const lowest = 6;
const entry = 7;
const from = 8;
const stop = 9;
const isEnd = 10;
/** The next bits of the input. After a refill, the buffer contains at least 57 bits. */
const bitBuffer = 11;

const lowBits = (count: Code): Code =>
  and(lower32(get(bitBuffer)), subtract(shiftLeft(constant(1), count), constant(1)));
const codeLength: Code = and(get(entry), constant(15));
const extraBits: Code = and(shiftRight(get(entry), constant(4)), constant(15));
const value: Code = shiftRight(get(entry), constant(16));
const hasFlag = (kind: EntryKind): Code => and(get(entry), constant(kind));
const isLiteral: Code = isZero(and(get(entry), constant(kindMask)));

const refill: Code = set(
  bitBuffer,
  shiftRight64(load64(shiftRight(get(position), constant(3))), widen32(and(get(position), constant(7)))),
);

function consume(count: Code): Code {
  return [
    ...set(position, add(get(position), count)),
    ...set(bitBuffer, shiftRight64(get(bitBuffer), widen32(count))),
  ];
}

function entryAt(table: number, index: Code): Code {
  return set(entry, load32(add(get(table), shiftLeft(index, constant(2)))));
}

function lookUp(table: number, width: number): Code {
  return entryAt(table, and(lower32(get(bitBuffer)), constant((1 << width) - 1)));
}

function lookUpSubtable(table: number, width: number): Code {
  const mask = subtract(shiftLeft(constant(1), extraBits), constant(1));
  const rest = lower32(shiftRight64(get(bitBuffer), widen32(constant(width))));
  return when(hasFlag(EntryKind.subtable), entryAt(table, add(value, and(rest, mask))));
}

const writeLiteral: Code = [...store8(get(out), value), ...set(out, add(get(out), constant(1)))];

/**
 * Writes up to three consecutive literals. After the third literal, the loop restarts. If the code after two literals
 * is not a literal, the bit buffer is refilled, because a match needs more bits.
 */
function emitLiterals(): Code {
  const emitLiteral = [...writeLiteral, ...consume(codeLength)];
  return when(isLiteral, [
    ...emitLiteral,
    ...lookUp(literals, literalWidth),
    ...when(isLiteral, [
      ...emitLiteral,
      ...lookUp(literals, literalWidth),
      ...when(isLiteral, [...writeLiteral, ...set(position, add(get(position), codeLength)), ...branch(3)]),
      ...refill,
    ]),
  ]);
}

function copyBy(size: number, copy: Code): Code {
  return loop([
    ...copy,
    ...set(from, add(get(from), constant(size))),
    ...set(out, add(get(out), constant(size))),
    ...branchIf(lessThan(get(out), get(stop)), 0),
  ]);
}

/** Copies a match. The copy can write bytes after the end of the match. Later output overwrites these bytes. */
function copyMatch(): Code {
  const isNear = (size: number): Code => lessThan(get(out), add(get(from), constant(size)));
  const byBytes = copyBy(1, store8(get(out), load8(get(from))));
  const byWords = copyBy(8, store64(get(out), load64(get(from))));
  const byVectors = copyBy(16, storeVector(get(out), loadVector(get(from))));
  return [...ifElse(isNear(16), ifElse(isNear(8), byBytes, byWords), byVectors), ...set(out, get(stop))];
}

/**
 * Generates the function that inflates the codes of one block, starting at `position`.
 *
 * @param stateOffset - Memory offset of the {@link BlockState} words.
 * @returns A function of two parameters: the memory offsets of the literal table and of the distance table. The
 *   function returns 0 if zlib must inflate the message, and another value at the end of the block.
 */
export function blockFunction(stateOffset: number): WasmFunction {
  const word = (index: number): Code => constant(stateOffset + 4 * index);
  // Depths of branches inside the loop: 0 continues the loop, and 1 leaves the loop.
  const nextStep = 0;
  const exit = 1;
  const step = [
    ...branchIf(lessOrEqual(get(end), get(position)), exit),
    ...branchIf(lessThan(get(limit), get(out)), exit),
    ...refill,
    ...lookUp(literals, literalWidth),
    ...emitLiterals(),
    ...lookUpSubtable(literals, literalWidth),
    ...consume(codeLength),
    ...when(isLiteral, [...writeLiteral, ...branch(nextStep + 1)]),
    ...when(isZero(hasFlag(EntryKind.match)), [
      ...set(isEnd, and(hasFlag(EntryKind.end), constant(EntryKind.end))),
      ...branch(exit + 1),
    ]),
    ...set(stop, add(get(out), add(value, lowBits(extraBits)))),
    ...consume(extraBits),
    ...lookUp(distances, distanceWidth),
    ...lookUpSubtable(distances, distanceWidth),
    ...branchIf(isZero(hasFlag(EntryKind.match)), exit),
    ...consume(codeLength),
    ...set(from, subtract(get(out), add(value, lowBits(extraBits)))),
    ...set(position, add(get(position), extraBits)),
    ...branchIf(lessThan(get(from), get(lowest)), exit),
    ...copyMatch(),
    ...branch(nextStep),
  ];
  const code = [
    ...set(position, load32(word(BlockState.position))),
    ...set(end, load32(word(BlockState.end))),
    ...set(out, load32(word(BlockState.out))),
    ...set(limit, load32(word(BlockState.limit))),
    ...set(lowest, load32(word(BlockState.lowest))),
    ...block(loop(step)),
    ...store32(word(BlockState.position), get(position)),
    ...store32(word(BlockState.out), get(out)),
    ...get(isEnd),
  ];
  return { locals: [i32, i32, i32, i32, i32, i32, i32, i32, i64], code };
}
