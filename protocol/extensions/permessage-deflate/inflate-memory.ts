import { Buffer } from "node:buffer";
import { instantiate, type WasmInstance } from "../../wasm-module.js";
import { blockFunction, BlockState } from "./block-code.js";
import {
  distanceSymbols,
  distanceWidth,
  fixedTables,
  literalSymbols,
  literalWidth,
} from "./deflate-alphabets.js";
import { HuffmanTable } from "./huffman-table.js";
import { copyMargin, MatchCopier } from "./match-copier.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The longest message that is taken, and the most that may come out of it. */
export const maxInputSize: number = 32 * 1024;
export const maxOutputSize: number = 128 * 1024;

/** Whether the message has ended is looked up once a step, and a step reads no more than this behind its end. */
const inputMargin = 64;

/** Bytes of an entry of a table; those of the fixed codes point nowhere. */
const entrySize = 4;
const literalTableSize = entrySize * 2 ** literalWidth;
const distanceTableSize = entrySize * 2 ** distanceWidth;

// What lies where.
const stateAt = maxInputSize + inputMargin;
const fixedLiteralsAt = stateAt + 64;
const fixedDistancesAt = fixedLiteralsAt + literalTableSize;
const distancesAt = fixedDistancesAt + distanceTableSize;
const literalsAt = 44 * 1024;
/** The window lies before it, so that a match is copied from there as from the message itself. */
const outputAt = 116 * 1024;
const pageSize = 64 * 1024;
const pages = Math.ceil((outputAt + maxOutputSize + copyMargin) / pageSize);

/** The memory that messages are inflated in, one after the other. */
export class InflateMemory {
  readonly input: Uint8Array;
  readonly bits: DataView;
  readonly copier: MatchCopier;
  readonly literals: HuffmanTable;
  readonly distances: HuffmanTable;
  readonly fixed: ReturnType<typeof fixedTables> = fixedTables();
  readonly #bytes: Uint8Array;
  readonly #state: Uint32Array;
  readonly #call: WasmInstance["call"] | undefined;

  constructor(instance?: WasmInstance) {
    const memory = instance?.memory ?? new ArrayBuffer(pages * pageSize);
    this.#call = instance?.call;
    this.#bytes = new Uint8Array(memory);
    this.#state = new Uint32Array(memory, stateAt, Object.keys(BlockState).length);
    this.input = new Uint8Array(memory, 0, stateAt);
    this.bits = new DataView(memory, 0, stateAt);
    this.copier = new MatchCopier(Buffer.from(memory, outputAt));
    this.literals = new HuffmanTable(literalSymbols(), literalWidth, memory, literalsAt);
    this.distances = new HuffmanTable(distanceSymbols(), distanceWidth, memory, distancesAt);
    for (const [table, at, size] of [
      [this.fixed.literals, fixedLiteralsAt, literalTableSize],
      [this.fixed.distances, fixedDistancesAt, distanceTableSize],
    ] as const) {
      new Int32Array(memory, at).set(table.entries.subarray(0, size / entrySize));
    }
  }

  /** `undefined` where this process has no WebAssembly that will do. */
  static wide(): InflateMemory | undefined {
    const instance = instantiate(pages, blockFunction(stateAt));
    return instance && new InflateMemory(instance);
  }

  /** Whether {@link takeBlock} can be called. */
  get isWide(): boolean {
    return this.#call !== undefined;
  }

  /**
   * Makes ready for the blocks of a message.
   *
   * @param end - Of the input, in bits.
   * @param maxSize - The most bytes that may come out.
   */
  begin(end: number, maxSize: number, window: SlidingWindow): void {
    const lowest = outputAt - window.size;
    window.copyTo(this.#bytes, lowest);
    this.#state[BlockState.end] = end;
    this.#state[BlockState.limit] = outputAt + maxSize;
    this.#state[BlockState.lowest] = lowest;
  }

  /**
   * Inflates a block of codes from the bit `position` on, behind the `size` bytes that have come out.
   * @returns `false` where it is one for zlib.
   */
  takeBlock(position: number, size: number, isFixed: boolean): boolean {
    this.#state[BlockState.position] = position;
    this.#state[BlockState.out] = outputAt + size;
    const isEnd = isFixed
      ? this.#call!(fixedLiteralsAt, fixedDistancesAt, 0)
      : this.#call!(literalsAt, distancesAt, 0);
    return isEnd !== 0;
  }

  /** Where the block has ended, in bits of the input. */
  get position(): number {
    return this.#state[BlockState.position]!;
  }

  /** How many bytes have come out. */
  get size(): number {
    return this.#state[BlockState.out]! - outputAt;
  }
}
