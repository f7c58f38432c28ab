// Codecs with a reference count: several connections can use one codec. A codec exists from its first use until its
// last user closes it.
import { Buffer } from "node:buffer";
import { InvalidStateError } from "../../errors.js";
import type { Deflater, InflatedSink, Inflater } from "./codec.js";

/** A codec with a reference count. It is created for its first user, and closed when its last user releases it. */
export class SharedCodec<Codec extends Inflater | Deflater> {
  readonly #make: () => Codec;
  #codec: Codec | undefined;
  #userCount = 0;

  constructor(make: () => Codec) {
    this.#make = make;
  }

  acquire(): Codec {
    this.#codec ??= this.#make();
    this.#userCount++;
    return this.#codec;
  }

  release(): void {
    this.#userCount--;
    if (this.#userCount > 0) return;
    this.#codec?.close();
    this.#codec = undefined;
  }
}

/**
 * The reference of one connection to a shared codec. The connection acquires the codec when its first message needs the
 * codec.
 */
abstract class Lease<Codec extends Inflater | Deflater> {
  readonly #shared: SharedCodec<Codec>;
  readonly #onClose: () => void;
  #codec: Codec | undefined;
  #isClosed = false;

  constructor(shared: SharedCodec<Codec>, onClose: () => void) {
    this.#shared = shared;
    this.#onClose = onClose;
  }

  /** The codec, or `undefined` if no message has used it yet. */
  protected get current(): Codec | undefined {
    return this.#codec;
  }

  protected get codec(): Codec {
    return this.#codec ?? this.#acquire();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#codec !== undefined) this.#shared.release();
    this.#codec = undefined;
    this.#onClose();
  }

  #acquire(): Codec {
    if (this.#isClosed) throw new InvalidStateError("The codec is closed.", "closed");
    this.#codec = this.#shared.acquire();
    return this.#codec;
  }
}

export class LeasedInflater extends Lease<Inflater> implements Inflater {
  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    return this.codec.inflate(compressed, maxSize, isKept, sink);
  }

  inflatePieces(
    pieces: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer {
    const { codec } = this;
    if (codec.inflatePieces !== undefined) return codec.inflatePieces(pieces, maxSize, isKept, sink);
    return codec.inflate(Buffer.concat(pieces), maxSize, isKept, sink);
  }

  rest(): void {
    this.current?.rest();
  }
}

export class LeasedDeflater extends Lease<Deflater> implements Deflater {
  deflate(payload: Uint8Array): Uint8Array {
    return this.codec.deflate(payload);
  }
}
