// The memory of the inflater of this package, with or without WebAssembly. This module does not read block headers.
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

/** Largest size of a compressed message in bytes. zlib inflates larger messages. */
export const maxInputSize: number = 32 * 1024;
/** Largest size of a decompressed message in bytes. zlib inflates larger messages. */
export const maxOutputSize: number = 128 * 1024;

/** Largest number of bytes that are read past the end of the input. The end is checked only once per step of a loop. */
const inputMargin = 64;

/** Number of entries in the tables of the fixed codes, which have no subtables. */
const fixedLiteralCount = 2 ** literalWidth;
const fixedDistanceCount = 2 ** distanceWidth;
/** Size of a table entry in bytes. */
const entrySize = 4;

// The layout of the memory, in bytes.
const stateOffset = maxInputSize + inputMargin;
const fixedLiteralsOffset = stateOffset + 64;
const fixedDistancesOffset = fixedLiteralsOffset + entrySize * fixedLiteralCount;
const distancesOffset = fixedDistancesOffset + entrySize * fixedDistanceCount;
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
    const { literals, distances } = this.fixed;
    new Int32Array(memory, fixedLiteralsOffset).set(literals.entries.subarray(0, fixedLiteralCount));
    new Int32Array(memory, fixedDistancesOffset).set(distances.entries.subarray(0, fixedDistanceCount));
  }

  /** Creates a memory for the WebAssembly function, or returns `undefined` if WebAssembly is not available. */
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
   * Inflates the codes of one block.
   *
   * @param position - Start of the codes in the input, in bits.
   * @param size - Size in bytes of the output of the earlier blocks. The output of this block is appended to it.
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

  /** The end of the last block in the input, in bits. */
  get position(): number {
    return this.#state[BlockState.position]!;
  }

  /** The size of the output after the last block, in bytes. */
  get size(): number {
    return this.#state[BlockState.out]! - outputOffset;
  }
}
