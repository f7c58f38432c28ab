// Compression of a test peer, built only on public functions of zlib.
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

const tail = Buffer.of(0, 0, 0xff, 0xff);

export interface Direction {
  /** Size of the window in bits, 9 to 15. Default: 15. */
  readonly windowBits?: number;
  readonly keepsContext?: boolean;
}

/** Inflates the compressed messages of one client (RFC 7692 7.2.2). */
export class PeerInflater {
  readonly #windowBits: number;
  readonly #keepsContext: boolean;
  #window: Buffer = Buffer.alloc(0);

  constructor({ windowBits = 15, keepsContext = true }: Direction = {}) {
    this.#windowBits = windowBits;
    this.#keepsContext = keepsContext;
  }

  message(payload: Uint8Array): Buffer {
    const message = inflateRawSync(Buffer.concat([payload, tail]), {
      windowBits: this.#windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#window.length > 0 ? { dictionary: this.#window } : {}),
    });
    if (this.#keepsContext) this.#window = lastOf(this.#window, message, this.#windowBits);
    return message;
  }
}

/** Deflates the messages of a server (RFC 7692 7.2.1). */
export class PeerDeflater {
  readonly #windowBits: number;
  readonly #keepsContext: boolean;
  #window: Buffer = Buffer.alloc(0);

  constructor({ windowBits = 15, keepsContext = true }: Direction = {}) {
    this.#windowBits = windowBits;
    this.#keepsContext = keepsContext;
  }

  message(message: Uint8Array | string): Buffer {
    const bytes = Buffer.from(message as Uint8Array);
    const deflated = deflateRawSync(bytes, {
      windowBits: this.#windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#window.length > 0 ? { dictionary: this.#window } : {}),
    });
    if (this.#keepsContext) this.#window = lastOf(this.#window, bytes, this.#windowBits);
    return deflated.subarray(0, -tail.length);
  }
}

function lastOf(window: Buffer, message: Buffer, windowBits: number): Buffer {
  return Buffer.concat([window, message]).subarray(-(2 ** windowBits));
}
