// The codec backend that reuses native zlib handles between messages. It does not check the version of Node: a
// self-test decides whether the handles can be used.
import { Buffer } from "node:buffer";
import type { CodecBackend, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import { HandleDeflater } from "./handle-deflater.js";
import { HandleInflater } from "./handle-inflater.js";
import { HandlePool } from "./handle-pool.js";
import { HandleScratch } from "./handle-scratch.js";
import { callsAsExpected, ZlibHandle, type ZlibStreams } from "./zlib-handle.js";
import { constants } from "./node-zlib.js";

/** Size in bytes of the message of the self-test. The message is large enough that a handle inflates it. */
const roundTripSize = 300;

/** Creates codecs that reuse native handles of zlib streams. */
export class HandleBackend implements CodecBackend {
  readonly name = "handle";
  readonly #scratch: HandleScratch = new HandleScratch();
  readonly #inflaters: HandlePool;
  readonly #deflaters: HandlePool;

  private constructor(streams: ZlibStreams, maxHandles: number) {
    this.#inflaters = new HandlePool((options) => ZlibHandle.inflater(streams, options), maxHandles);
    this.#deflaters = new HandlePool((options) => ZlibHandle.deflater(streams, options), maxHandles);
  }

  /** Returns the backend, or `undefined` if the handles of this version of Node fail a self-test. */
  static open(streams: ZlibStreams, maxHandles: number): HandleBackend | undefined {
    const backend = new HandleBackend(streams, maxHandles);
    try {
      return callsAsExpected(streams) && roundTrips(backend) ? backend : undefined;
    } catch {
      return undefined;
    }
  }

  inflater(options: InflaterOptions): Inflater {
    return new HandleInflater(options, this.#inflaters, this.#scratch);
  }

  deflater(options: DeflaterOptions): Deflater {
    return new HandleDeflater(options, this.#deflaters, this.#scratch);
  }
}

/**
 * Compresses the same message twice and decompresses both results. Returns `true` if both decompressed messages are
 * correct, and if the second compressed message is smaller because it refers to the first message.
 */
function roundTrips(backend: CodecBackend): boolean {
  const direction = { windowBits: 15, keepsContext: true };
  const deflater = backend.deflater({ ...direction, level: constants.Z_DEFAULT_COMPRESSION, memLevel: 8 });
  const inflater = backend.inflater(direction);
  try {
    const message = Buffer.from(Array.from({ length: roundTripSize }, (_, index) => (index * index) % 251));
    const first = Buffer.from(deflater.deflate(message));
    const second = Buffer.from(deflater.deflate(message));
    const isSame = [first, second].every((bytes) =>
      inflater.inflate(bytes, message.length, true).equals(message),
    );
    return isSame && second.length < first.length;
  } finally {
    deflater.close();
    inflater.close();
  }
}
