// Creates the codecs of a process and shares those that keep no context. It does not compress anything itself; the
// backends do.
import { JetSocketError } from "../../errors.js";
import type {
  CodecBackend,
  CodecFactory,
  Deflater,
  DeflaterOptions,
  Inflater,
  InflaterOptions,
} from "./codec.js";
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
  const backend = name === "handle" ? HandleBackend.open(streams, maxHandles) : new DictionaryBackend();
  if (backend === undefined) {
    throw new JetSocketError(
      'This version of Node has no zlib handle that works as expected. Use "dictionary" instead of "handle".',
      { code: "UNSUPPORTED_CODEC" },
    );
  }
  return new SharingCodecFactory(() => backend);
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
    this.#sharedInflater = this.#newInflater({ windowBits: maxWindowBits, keepsContext: false });
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

  #newInflater(options: InflaterOptions): SharedCodec<Inflater> {
    return new SharedCodec(() => this.#backend().inflater(options));
  }

  inflater(options: InflaterOptions): Inflater {
    this.#openCount++;
    const shared = options.keepsContext ? this.#newInflater(options) : this.#sharedInflater;
    return new LeasedInflater(shared, this.#onClose);
  }

  deflater(options: DeflaterOptions): Deflater {
    const { level, memLevel, windowBits, keepsContext } = options;
    const key = `${level}/${memLevel}/${windowBits}`;
    const known = keepsContext ? undefined : this.#sharedDeflaters.get(key);
    const shared = known ?? new SharedCodec(() => this.#backend().deflater(options));
    if (!keepsContext) this.#sharedDeflaters.set(key, shared);
    this.#openCount++;
    return new LeasedDeflater(shared, this.#onClose);
  }
}
