// Creates the codecs of a process and shares those that keep no context. It does not compress anything itself; the
// backends do.
import { JetSocketError } from "../../errors.js";
import type { CodecFactory, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import type { CodecBackend } from "./codec-backend.js";
import { SharedCodec, LeasedDeflater, LeasedInflater } from "./codec-lease.js";
import { DictionaryBackend } from "./dictionary-backend.js";
import { HandleBackend } from "./handle-backend.js";
import { nodeStreams, type ZlibStreams } from "./zlib-handle.js";

/** The shared inflater has the largest window, so it can inflate the messages of every connection. */
const maxWindowBits = 15;

/**
 * Largest number of handles per direction for codecs that have processed few messages. By default a deflater needs
 * 256 KiB of memory and an inflater 40 KiB.
 */
const defaultMaxHandles = 32;

/**
 * Creates the codec factory of a process.
 *
 * @param name - The backend. By default `"handle"` if this version of Node has a native handle that works, otherwise
 *   `"dictionary"`. The default is determined at the first use of a codec, because the test takes 1 ms.
 * @param maxHandles - Largest number of handles per direction for codecs that have processed few messages. When it is
 *   reached, such a codec takes its handle from another one.
 * @throws JetSocketError (`UNSUPPORTED_CODEC`) if `name` is `"handle"` and this version of Node has no such handle.
 */
export function createCodecFactory(
  name?: CodecFactory["name"],
  streams: ZlibStreams = nodeStreams,
  maxHandles: number = defaultMaxHandles,
): CodecFactory {
  if (name === undefined) {
    return new SharingCodecFactory(() => HandleBackend.open(streams, maxHandles) ?? new DictionaryBackend());
  }
  const backend = name === "handle" ? requireHandles(streams, maxHandles) : new DictionaryBackend();
  return new SharingCodecFactory(() => backend);
}

function requireHandles(streams: ZlibStreams, maxHandles: number): CodecBackend {
  const backend = HandleBackend.open(streams, maxHandles);
  if (backend !== undefined) return backend;
  throw new JetSocketError(
    'This version of Node has no zlib handle that works as expected. Use "dictionary" instead of "handle".',
    {
      code: "UNSUPPORTED_CODEC",
    },
  );
}

/** Counts the open codecs. Directions without context takeover share one codec if their options are the same. */
class SharingCodecFactory implements CodecFactory {
  readonly #openBackend: () => CodecBackend;
  readonly #sharedInflater: SharedCodec<Inflater>;
  readonly #sharedDeflaters: Map<string, SharedCodec<Deflater>> = new Map();
  readonly #onClose = (): void => {
    this.#openCount--;
  };
  #openedBackend: CodecBackend | undefined;
  #openCount = 0;

  constructor(openBackend: () => CodecBackend) {
    this.#openBackend = openBackend;
    const options = { windowBits: maxWindowBits, keepsContext: false };
    this.#sharedInflater = new SharedCodec(() => this.#backend().inflater(options));
  }

  get name(): CodecFactory["name"] {
    return this.#backend().name;
  }

  get openCount(): number {
    return this.#openCount;
  }

  #backend(): CodecBackend {
    this.#openedBackend ??= this.#openBackend();
    return this.#openedBackend;
  }

  inflater(options: InflaterOptions): Inflater {
    const shared = options.keepsContext
      ? new SharedCodec(() => this.#backend().inflater(options))
      : this.#sharedInflater;
    this.#openCount++;
    return new LeasedInflater(shared, this.#onClose);
  }

  deflater(options: DeflaterOptions): Deflater {
    const shared = options.keepsContext
      ? new SharedCodec(() => this.#backend().deflater(options))
      : this.#sharedDeflater(options);
    this.#openCount++;
    return new LeasedDeflater(shared, this.#onClose);
  }

  #sharedDeflater(options: DeflaterOptions): SharedCodec<Deflater> {
    const key = `${options.level}/${options.memLevel}/${options.windowBits}`;
    let shared = this.#sharedDeflaters.get(key);
    if (shared === undefined) {
      shared = new SharedCodec(() => this.#backend().deflater(options));
      this.#sharedDeflaters.set(key, shared);
    }
    return shared;
  }
}
