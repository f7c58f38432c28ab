// Creates the codecs of a process. Connections share the codecs that keep no context. The codec backends compress and
// decompress; this module does not.
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
 * Codecs that have processed few messages share zlib handles. This value is the default limit on the number of shared
 * handles per direction. A deflater needs 256 KiB of memory, and an inflater needs 40 KiB.
 */
const defaultMaxHandles = 32;

/**
 * Creates the codec factory of a process.
 *
 * @param name - The backend. The default is `"handle"` if the native handle of this version of Node works, otherwise
 *   `"dictionary"`. The test of the handle takes 1 ms, so the test runs at the first use of a codec.
 * @param maxHandles - Largest number of handles per direction for codecs that have processed few messages. When the
 *   limit is reached, a codec that needs a handle takes the handle of another codec.
 * @throws JetSocketError (`UNSUPPORTED_CODEC`) if `name` is `"handle"` and the native handle does not work.
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

/** Counts the open codecs. Connections without context takeover share a codec if their options are the same. */
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
