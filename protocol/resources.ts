// Memory and helpers that all connections of a process share. It does not open sockets.
import type { CodecFactory } from "./extensions/permessage-deflate/codec.js";
import type { Role } from "./constants.js";
import { createCodecFactory } from "./extensions/permessage-deflate/codec-factory.js";
import { FrameWriter } from "./frame-writer.js";
import { Loans } from "./loans.js";
import type { FillRandom } from "./masking-keys.js";
import { ownOptions } from "./own-options.js";
import { SegmentPool } from "./segment-pool.js";
import { Slab } from "./slab.js";
import { SpareBuffer } from "./spare-buffer.js";

export interface ResourcesOptions {
  /** The source of random bytes for masking keys. */
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

/** Memory that connections share. An idle connection therefore uses little memory. A process needs one `Resources`. */
export class Resources {
  readonly fillRandom: FillRandom;
  readonly codecs: CodecFactory;
  /** @internal Memory for frames to send. */
  readonly segments: SegmentPool = new SegmentPool();
  /** @internal Memory for received messages that the application may keep. */
  readonly slab: Slab = new Slab();
  /** @internal Memory for unparsed bytes, or for a message that arrives in several reads. */
  readonly spare: SpareBuffer = new SpareBuffer(readBufferSize);
  /** @internal The messages that are lent to handlers. */
  readonly loans: Loans = new Loans();
  readonly #writers: { [Each in Role]?: FrameWriter } = {};
  #readBuffer: Buffer | undefined;
  #scratch: Buffer | undefined;

  constructor(given: ResourcesOptions) {
    const options = ownOptions(given);
    this.fillRandom = options.fillRandom;
    this.codecs = options.codecs ?? createCodecFactory();
  }

  /** @internal Returns the frame writer that all connections with this role share. */
  writerFor(role: Role): FrameWriter {
    return (this.#writers[role] ??= new FrameWriter(role, this.fillRandom));
  }

  /** The buffer for reads of all sockets. Each read overwrites the bytes of the previous read. */
  get readBuffer(): Buffer {
    return (this.#readBuffer ??= Buffer.allocUnsafeSlow(readBufferSize));
  }

  /** @internal Memory for data that is needed only during one call. */
  get scratch(): Buffer {
    return (this.#scratch ??= Buffer.allocUnsafeSlow(scratchSize));
  }
}
