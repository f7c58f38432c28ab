import type { CodecFactory } from "./extensions/codec.js";
import { createCodecFactory } from "./extensions/codec-factory.js";
import { type FillRandom, MaskingKeys } from "./masking-keys.js";
import { SegmentPool } from "./segment-pool.js";
import { Slab } from "./slab.js";

export interface ResourcesOptions {
  readonly fillRandom: FillRandom;
  /** The filling of the codec port; by default the fastest that this Node has. */
  readonly codecs?: CodecFactory;
}

/** How much one read of a socket takes at the most. */
const readBufferSize = 256 * 1024;

/** What connections share, so that an idle one costs next to nothing. One object serves a whole process. */
export class Resources {
  readonly fillRandom: FillRandom;
  readonly maskingKeys: MaskingKeys;
  readonly segments: SegmentPool = new SegmentPool();
  readonly codecs: CodecFactory;
  readonly slab: Slab = new Slab();
  #readBuffer: Buffer | undefined;

  constructor(options: ResourcesOptions) {
    this.fillRandom = options.fillRandom;
    this.maskingKeys = new MaskingKeys(options.fillRandom);
    this.codecs = options.codecs ?? createCodecFactory();
  }

  /** The buffer that every socket reads into: what it holds is gone with the next read of any of them. */
  get readBuffer(): Buffer {
    this.#readBuffer ??= Buffer.allocUnsafeSlow(readBufferSize);
    return this.#readBuffer;
  }
}
