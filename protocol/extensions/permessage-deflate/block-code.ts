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

/** Where the function finds what it begins with, and leaves what it has come to: words of 32 bits. */
export const BlockState = { position: 0, end: 1, out: 2, limit: 3, lowest: 4 } as const;

/** Where the tables are: bytes of the memory. */
const literals = 0;
const distances = 1;
/** The bytes of the output, too, are told by where they are in the memory. */
const out = 2;
/** In bits. */
const position = 3;
const end = 4;
const limit = 5;
const lowest = 6;
const entry = 7;
const from = 8;
const stop = 9;
const isEnd = 10;
/** What comes next of the input: 57 bits or more, as long as nothing is taken. */
const next = 11;

const lowBits = (count: Code): Code =>
  and(lower32(get(next)), subtract(shiftLeft(constant(1), count), constant(1)));
const codeLength: Code = and(get(entry), constant(15));
const extraBits: Code = and(shiftRight(get(entry), constant(4)), constant(15));
const value: Code = shiftRight(get(entry), constant(16));
const has = (kind: EntryKind): Code => and(get(entry), constant(kind));
const isLiteral: Code = isZero(and(get(entry), constant(kindMask)));

const look: Code = set(
  next,
  shiftRight64(load64(shiftRight(get(position), constant(3))), widen32(and(get(position), constant(7)))),
);

function take(count: Code): Code {
  return [...set(position, add(get(position), count)), ...set(next, shiftRight64(get(next), widen32(count)))];
}

function entryAt(table: number, index: Code): Code {
  return set(entry, load32(add(get(table), shiftLeft(index, constant(2)))));
}

function firstLook(table: number, width: number): Code {
  return entryAt(table, and(lower32(get(next)), constant((1 << width) - 1)));
}

function secondLook(table: number, width: number): Code {
  const mask = subtract(shiftLeft(constant(1), extraBits), constant(1));
  const rest = lower32(shiftRight64(get(next), widen32(constant(width))));
  return when(has(EntryKind.subtable), entryAt(table, add(value, and(rest, mask))));
}

const putLiteral: Code = [...store8(get(out), value), ...set(out, add(get(out), constant(1)))];

/** Two literals at the most, and a third where nothing else follows: `next` then still has what a match takes. */
function takeLiterals(): Code {
  const takeLiteral = [...putLiteral, ...take(codeLength)];
  return when(isLiteral, [
    ...takeLiteral,
    ...firstLook(literals, literalWidth),
    ...when(isLiteral, [
      ...takeLiteral,
      ...firstLook(literals, literalWidth),
      ...when(isLiteral, [...putLiteral, ...set(position, add(get(position), codeLength)), ...branch(3)]),
      ...look,
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

/** What is written too much is overwritten by what comes next. */
function copyMatch(): Code {
  const isNear = (size: number): Code => lessThan(get(out), add(get(from), constant(size)));
  const byBytes = copyBy(1, store8(get(out), load8(get(from))));
  const byWords = copyBy(8, store64(get(out), load64(get(from))));
  const byVectors = copyBy(16, storeVector(get(out), loadVector(get(from))));
  return [...ifElse(isNear(16), ifElse(isNear(8), byBytes, byWords), byVectors), ...set(out, get(stop))];
}

/**
 * Inflates a block of codes from `position` on, as `MessageInflater` does.
 *
 * @param stateAt - Where the words of {@link BlockState} are.
 * @returns A function that is given where the tables of literals and distances are; 0 where the block is one for zlib.
 */
export function blockFunction(stateAt: number): WasmFunction {
  const word = (index: number): Code => constant(stateAt + 4 * index);
  const nextStep = 0;
  const exit = 1;
  const step = [
    ...branchIf(lessOrEqual(get(end), get(position)), exit),
    ...branchIf(lessThan(get(limit), get(out)), exit),
    ...look,
    ...firstLook(literals, literalWidth),
    ...takeLiterals(),
    ...secondLook(literals, literalWidth),
    ...take(codeLength),
    ...when(isLiteral, [...putLiteral, ...branch(nextStep + 1)]),
    ...when(isZero(has(EntryKind.match)), [
      ...set(isEnd, and(has(EntryKind.end), constant(EntryKind.end))),
      ...branch(exit + 1),
    ]),
    ...set(stop, add(get(out), add(value, lowBits(extraBits)))),
    ...take(extraBits),
    ...firstLook(distances, distanceWidth),
    ...secondLook(distances, distanceWidth),
    ...branchIf(isZero(has(EntryKind.match)), exit),
    ...take(codeLength),
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
