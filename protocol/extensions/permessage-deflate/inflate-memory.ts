// The memory in which our own inflater works, with or without WebAssembly. It does not read block headers.
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

/** Largest size in bytes of a compressed message, and of its output. Larger messages are left to zlib. */
export const maxInputSize: number = 32 * 1024;
export const maxOutputSize: number = 128 * 1024;

/** In bytes. The end of the input is checked once per step, and a step reads at most this much past the end. */
const inputMargin = 64;

/** Size of a table entry in bytes. The tables of the fixed codes have no subtables. */
const entrySize = 4;
const literalTableSize = entrySize * 2 ** literalWidth;
const distanceTableSize = entrySize * 2 ** distanceWidth;

// The layout of the memory, in bytes.
const stateOffset = maxInputSize + inputMargin;
const fixedLiteralsOffset = stateOffset + 64;
const fixedDistancesOffset = fixedLiteralsOffset + literalTableSize;
const distancesOffset = fixedDistancesOffset + distanceTableSize;
const literalsOffset = 44 * 1024;
/** The window is stored directly before the output, so matches into the window need no special case. */
const outputOffset = 116 * 1024;
const pageSize = 64 * 1024;
const pages = Math.ceil((outputOffset + maxOutputSize + copyMargin) / pageSize);

/** Memory for one message at a time: its input, its tables, the window and the output. */
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
    this.#state = new Uint32Array(memory, stateOffset, Object.keys(BlockState).length);
    this.input = new Uint8Array(memory, 0, stateOffset);
    this.bits = new DataView(memory, 0, stateOffset);
    this.copier = new MatchCopier(Buffer.from(memory, outputOffset));
    this.literals = new HuffmanTable(literalSymbols(), literalWidth, memory, literalsOffset);
    this.distances = new HuffmanTable(distanceSymbols(), distanceWidth, memory, distancesOffset);
    for (const [table, at, size] of [
      [this.fixed.literals, fixedLiteralsOffset, literalTableSize],
      [this.fixed.distances, fixedDistancesOffset, distanceTableSize],
    ] as const) {
      new Int32Array(memory, at).set(table.entries.subarray(0, size / entrySize));
    }
  }

  /** Creates a memory whose blocks WebAssembly inflates, or returns `undefined` if WebAssembly is not available. */
  static createWithWasm(): InflateMemory | undefined {
    const instance = instantiate(pages, blockFunction(stateOffset));
    return instance && new InflateMemory(instance);
  }

  /** `true` if {@link inflateBlock} may be called. */
  get hasWasm(): boolean {
    return this.#call !== undefined;
  }

  /**
   * Prepares the memory for the blocks of a message.
   *
   * @param end - The end of the input, in bits.
   * @param maxSize - Largest size of the output in bytes.
   */
  begin(end: number, maxSize: number, window: SlidingWindow): void {
    const lowest = outputOffset - window.size;
    window.copyTo(this.#bytes, lowest);
    this.#state[BlockState.end] = end;
    this.#state[BlockState.limit] = outputOffset + maxSize;
    this.#state[BlockState.lowest] = lowest;
  }

  /**
   * Inflates the codes of a block that starts at bit `position`, and appends to the `size` bytes of output so far.
   * @returns `false` if zlib must inflate the message.
   */
  inflateBlock(position: number, size: number, isFixed: boolean): boolean {
    this.#state[BlockState.position] = position;
    this.#state[BlockState.out] = outputOffset + size;
    const isEnd = isFixed
      ? this.#call!(fixedLiteralsOffset, fixedDistancesOffset, 0)
      : this.#call!(literalsOffset, distancesOffset, 0);
    return isEnd !== 0;
  }

  /** The position after the block, in bits of the input. */
  get position(): number {
    return this.#state[BlockState.position]!;
  }

  /** The size of the output in bytes. */
  get size(): number {
    return this.#state[BlockState.out]! - outputOffset;
  }
}
