import { Buffer } from "node:buffer";
import type { ZlibOptions } from "node:zlib";
import type { ChunkedOutput } from "./chunked-output.js";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "./node-zlib.js";

/** What is used of a zlib stream: its handle is not part of its public face, and looked for on it. */
export interface ZlibStream {
  close(): void;
}

/** Where streams come from: Node, but for tests of a Node that is not there yet. */
export interface ZlibStreams {
  createInflateRaw(options: ZlibOptions): ZlibStream;
  createDeflateRaw(options: ZlibOptions): ZlibStream;
}

export const nodeStreams: ZlibStreams = { createInflateRaw, createDeflateRaw };

type WriteArguments = [
  flush: number,
  input: Uint8Array,
  inputOffset: number,
  inputSize: number,
  output: Uint8Array,
  outputOffset: number,
  outputSize: number,
];

interface NativeHandle {
  onerror: (message: string) => void;
  writeSync: (...args: WriteArguments) => void;
  reset(): void;
}

/** What the last write has left: room in the output, and bytes of the input. */
interface WriteState {
  0: number;
  readonly 1: number;
}

/** More room than any output has: stands in the state until a write has set it. */
const notWritten = 0xffff_ffff;

/** The least that Node allows; nothing is ever written to the stream's own buffer. */
const unusedChunkSize = constants.Z_MIN_CHUNK;

/**
 * The native part of a zlib stream, driven synchronously and kept between messages, which no public call
 * of `node:zlib` allows. Whoever makes one has asked {@link callsAsExpected} first.
 */
export class KeptHandle {
  readonly #stream: ZlibStream;
  readonly #handle: NativeHandle;
  readonly #state: WriteState;
  #failure: Error | undefined;

  constructor(stream: ZlibStream) {
    const handle: unknown = Reflect.get(stream, "_handle");
    const state: unknown = Reflect.get(stream, "_writeState");
    if (!isHandle(handle) || !isWriteState(state)) {
      throw new Error("This version of Node shows no handle of a zlib stream.");
    }
    this.#stream = stream;
    this.#handle = handle;
    this.#state = state;
    handle.onerror = (message): void => {
      this.#failure = new Error(message);
    };
  }

  static inflater(streams: ZlibStreams, options: ZlibOptions): KeptHandle {
    return new KeptHandle(streams.createInflateRaw({ ...options, chunkSize: unusedChunkSize }));
  }

  static deflater(streams: ZlibStreams, options: ZlibOptions): KeptHandle {
    return new KeptHandle(streams.createDeflateRaw({ ...options, chunkSize: unusedChunkSize }));
  }

  /**
   * Runs the last `size` bytes of `input` through zlib.
   * @returns How many of them it has not read: an inflater stops behind a final block.
   * @throws Error with zlib's message; ProtocolError (1009) where the output is full.
   */
  run(flush: number, input: Uint8Array, size: number, output: ChunkedOutput): number {
    let unread = size;
    for (;;) {
      if (output.room === 0) output.grow();
      const room = output.room;
      const { chunk, offset } = output;
      this.#state[0] = notWritten;
      this.#handle.writeSync(flush, input, input.length - unread, unread, chunk, offset, room);
      if (this.#failure !== undefined) throw this.#failure;
      const unused = this.#state[0];
      if (unused > room) throw new Error("zlib did not say what it has done");
      unread = this.#state[1];
      output.advance(room - unused);
      if (unused > 0) return unread;
    }
  }

  /** Begins a new stream, which knows nothing of what came before. */
  reset(): void {
    this.#failure = undefined;
    this.#handle.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

/**
 * Says whether Node itself calls the handle as {@link KeptHandle} does: the native side ends the process where it is
 * called with arguments that it does not expect, so a version that changed them must be known before the first call.
 */
export function callsAsExpected(streams: ZlibStreams): boolean {
  const stream = streams.createInflateRaw({ chunkSize: unusedChunkSize });
  try {
    const input = deflateRawSync(Buffer.from("jetsocket"));
    const calls = ownCalls(stream, input);
    return calls.length === 1 && isExpectedCall(calls[0]!, input);
  } finally {
    stream.close();
  }
}

/** The arguments with which the stream itself calls its handle to inflate `input` at once. */
function ownCalls(stream: ZlibStream, input: Buffer): unknown[][] {
  const handle: unknown = Reflect.get(stream, "_handle");
  const processChunk: unknown = Reflect.get(stream, "_processChunk");
  if (!isHandle(handle) || typeof processChunk !== "function") return [];
  const calls: unknown[][] = [];
  const native = handle.writeSync;
  handle.writeSync = (...args): void => {
    calls.push(args);
    Reflect.apply(native, handle, args);
  };
  Reflect.apply(processChunk, stream, [input, constants.Z_SYNC_FLUSH]);
  return calls;
}

function isExpectedCall(args: readonly unknown[], input: Uint8Array): boolean {
  const [flush, bytes, inputOffset, inputSize, output, outputOffset, outputSize, ...more] = args;
  const isInput = bytes === input && inputOffset === 0 && inputSize === input.length;
  const isOutput = output instanceof Uint8Array && outputOffset === 0 && outputSize === unusedChunkSize;
  return flush === constants.Z_SYNC_FLUSH && isInput && isOutput && more.length === 0;
}

function isHandle(value: unknown): value is NativeHandle {
  return hasFunction(value, "writeSync") && hasFunction(value, "reset");
}

function hasFunction(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
}

function isWriteState(value: unknown): value is WriteState {
  return value instanceof Uint32Array && value.length === 2;
}
