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
  /** The filling of the codec port; by default the fastest that this Node has. */
  readonly codecs?: CodecFactory;
}

/**
 * How much one read of a socket takes at the most: of small messages a read of 1 MiB costs a fifth less for each than
 * of 256 KiB.
 */
const readBufferSize = 1024 * 1024;

const scratchSize = 1024 * 1024;

/** What connections share, so that an idle one costs next to nothing. One object serves a whole process. */
export class Resources {
  readonly fillRandom: FillRandom;
  readonly maskingKeys: MaskingKeys;
  readonly masker: Masker = new Masker();
  readonly segments: SegmentPool = new SegmentPool();
  readonly codecs: CodecFactory;
  readonly slab: Slab = new Slab();
  /** For what is left of a read. */
  readonly spare: SpareBuffer = new SpareBuffer(readBufferSize);
  /** The lent messages that handlers look at just now. */
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

  /** For the frames of all who play this part. */
  writerFor(role: Role): FrameWriter {
    return (this.#writers[role] ??= new FrameWriter(role, this.maskingKeys, this.masker));
  }

  /** The buffer that every socket reads into: what it holds is gone with the next read of any of them. */
  get readBuffer(): Buffer {
    this.#readBuffer ??= Buffer.allocUnsafeSlow(readBufferSize);
    return this.#readBuffer;
  }

  /** For what is put together and read in one call. */
  get scratch(): Buffer {
    this.#scratch ??= Buffer.allocUnsafeSlow(scratchSize);
    return this.#scratch;
  }
}
