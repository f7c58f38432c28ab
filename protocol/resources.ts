// Memory and helpers that all connections of a process share. It does not open sockets.
import type { CodecFactory } from "./extensions/permessage-deflate/codec.js";
import type { Role } from "./constants.js";
import { createCodecFactory } from "./extensions/permessage-deflate/codec-factory.js";
import { FrameWriter } from "./frame-writer.js";
import { Loans } from "./loans.js";
import { Masker } from "./mask.js";
import { type FillRandom, MaskingKeys } from "./masking-keys.js";
import { ownOptions } from "./own-options.js";
import { SegmentPool } from "./segment-pool.js";
import { Slab } from "./slab.js";
import { SpareBuffer } from "./spare-buffer.js";

export interface ResourcesOptions {
  readonly fillRandom: FillRandom;
  /** Creates the codecs for compression. Default: the fastest implementation that this version of Node supports. */
  readonly codecs?: CodecFactory;
}

/**
 * Maximum size in bytes of one read from a socket. For small messages, a read of 1 MiB costs a fifth less per message
 * than a read of 256 KiB.
 */
const readBufferSize = 1024 * 1024;

const scratchSize = 1024 * 1024;

/** Shared by connections, so that an idle connection uses very little memory. One object is enough for a process. */
export class Resources {
  readonly fillRandom: FillRandom;
  readonly maskingKeys: MaskingKeys;
  readonly masker: Masker = new Masker();
  readonly segments: SegmentPool = new SegmentPool();
  readonly codecs: CodecFactory;
  readonly slab: Slab = new Slab();
  /** Memory for the unparsed rest of a read. */
  readonly spare: SpareBuffer = new SpareBuffer(readBufferSize);
  /** The messages that are currently lent to handlers. */
  readonly loans: Loans = new Loans();
  readonly #writers: { [Each in Role]?: FrameWriter } = {};
  #readBuffer: Buffer | undefined;
  #scratch: Buffer | undefined;

  constructor(given: ResourcesOptions) {
    const options = ownOptions(given);
    this.fillRandom = options.fillRandom;
    this.maskingKeys = new MaskingKeys(options.fillRandom);
    this.codecs = options.codecs ?? createCodecFactory();
  }

  /** Returns the frame writer that all connections with this role share. */
  writerFor(role: Role): FrameWriter {
    return (this.#writers[role] ??= new FrameWriter(role, this.maskingKeys, this.masker));
  }

  /** The buffer for reads of all sockets. Each read overwrites the bytes of the previous one. */
  get readBuffer(): Buffer {
    this.#readBuffer ??= Buffer.allocUnsafeSlow(readBufferSize);
    return this.#readBuffer;
  }

  /** Memory for data that is assembled and consumed within one call. */
  get scratch(): Buffer {
    this.#scratch ??= Buffer.allocUnsafeSlow(scratchSize);
    return this.#scratch;
  }
}
