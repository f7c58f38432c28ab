// Access to the native handle of a `node:zlib` stream. Node does not document the handle, so the caller must first
// check that the handle works as expected.
import { Buffer } from "node:buffer";
import type { ZlibOptions } from "node:zlib";
import type { ChunkedOutput } from "./chunked-output.js";
import { ZlibError } from "./deflate-errors.js";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "./node-zlib.js";

/** A zlib stream. This module calls its public method `close`, and reads its handle from a private property. */
export interface ZlibStream {
  close(): void;
}

/** Creates zlib streams. Tests pass another implementation, which imitates other versions of Node. */
export interface ZlibStreams {
  createInflateRaw(options: ZlibOptions): ZlibStream;
  createDeflateRaw(options: ZlibOptions): ZlibStream;
}

export const nodeStreams: ZlibStreams = { createInflateRaw, createDeflateRaw };

interface NativeHandle {
  onerror: (message: string) => void;
  writeSync: (
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputSize: number,
    output: Uint8Array,
    outputOffset: number,
    outputSize: number,
  ) => void;
  reset(): void;
}

/**
 * Placeholder for the number of free bytes, larger than any output. Each write replaces this placeholder by the real
 * number.
 */
const notWritten = 0xffff_ffff;

/**
 * Size in bytes of the output buffer that a zlib stream allocates for itself. This package does not use that buffer, so
 * its size is the smallest that Node allows.
 */
const unusedChunkSize = constants.Z_MIN_CHUNK;

/**
 * The native handle of a zlib stream. It is called synchronously and reused between messages, which no public function
 * of `node:zlib` allows. Check {@link callsAsExpected} before you create a handle.
 */
export class ZlibHandle {
  readonly #stream: ZlibStream;
  readonly #handle: NativeHandle;
  /**
   * The result of the last write: the number of free bytes in the output, and the number of unread bytes in the input.
   */
  readonly #state: Uint32Array;
  #failure: ZlibError | undefined;

  constructor(stream: ZlibStream) {
    const handle: unknown = Reflect.get(stream, "_handle");
    const state: unknown = Reflect.get(stream, "_writeState");
    if (!isHandle(handle) || !(state instanceof Uint32Array && state.length === 2)) {
      throw new Error("This version of Node has no accessible handle of a zlib stream.");
    }
    this.#stream = stream;
    this.#handle = handle;
    this.#state = state;
    handle.onerror = (message): void => {
      this.#failure = new ZlibError(message);
    };
  }

  static inflater(streams: ZlibStreams, options: ZlibOptions): ZlibHandle {
    return new ZlibHandle(streams.createInflateRaw({ ...options, chunkSize: unusedChunkSize }));
  }

  static deflater(streams: ZlibStreams, options: ZlibOptions): ZlibHandle {
    return new ZlibHandle(streams.createDeflateRaw({ ...options, chunkSize: unusedChunkSize }));
  }

  /**
   * Passes the last `size` bytes of `input` through zlib.
   * @returns The number of bytes that zlib has not read: an inflater stops after a final block.
   * @throws ZlibError with zlib's message.
   * @throws ProtocolError (1009) if the output is full.
   */
  run(flush: number, input: Uint8Array, size: number, output: ChunkedOutput): number {
    let unread = size;
    for (;;) {
      if (output.freeSpace === 0) output.grow();
      const freeSpace = output.freeSpace;
      const { chunk, offset } = output;
      this.#state[0] = notWritten;
      this.#handle.writeSync(flush, input, input.length - unread, unread, chunk, offset, freeSpace);
      if (this.#failure !== undefined) throw this.#failure;
      const unused = this.#state[0];
      if (unused > freeSpace) throw new ZlibError("zlib did not report the result of a write");
      unread = this.#state[1]!;
      output.advance(freeSpace - unused);
      if (unused > 0) return unread;
    }
  }

  /** Starts a new stream with an empty window. */
  reset(): void {
    this.#failure = undefined;
    this.#handle.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

/**
 * Returns `true` if Node itself calls the handle with the same arguments as {@link ZlibHandle}. Unexpected arguments
 * crash the process. So a version of Node that uses other arguments must be detected before the first call.
 */
export function callsAsExpected(streams: ZlibStreams): boolean {
  const stream = streams.createInflateRaw({ chunkSize: unusedChunkSize });
  try {
    const input = deflateRawSync(Buffer.alloc(9));
    const calls = ownCalls(stream, input);
    return calls.length === 1 && isExpectedCall(calls[0]!, input);
  } catch {
    return false;
  } finally {
    stream.close();
  }
}

/**
 * Inflates `input` by a synchronous method of the stream. The stream then calls its handle. Returns the arguments of
 * each of these calls.
 */
function ownCalls(stream: ZlibStream, input: Buffer): unknown[][] {
  const handle: unknown = Reflect.get(stream, "_handle");
  const processChunk: unknown = Reflect.get(stream, "_processChunk");
  if (!isHandle(handle) || typeof processChunk !== "function") return [];
  const calls: unknown[][] = [];
  const native = handle.writeSync;
  handle.writeSync = (...args): void => {
    // The stream would call a handle that makes no progress without end.
    if (calls.push(args) > 1) throw new ZlibError("zlib made no progress");
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
  const handle = value as Partial<NativeHandle> | null | undefined;
  return typeof handle?.writeSync === "function" && typeof handle.reset === "function";
}
