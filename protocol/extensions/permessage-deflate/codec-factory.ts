import { JetSocketError } from "../../errors.js";
import type { CodecFactory, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import type { CodecBackend } from "./codec-backend.js";
import { CodecSource, LeasedDeflater, LeasedInflater } from "./codec-lease.js";
import { DictionaryBackend } from "./dictionary-backend.js";
import { HandleBackend } from "./handle-backend.js";
import { nodeStreams, type ZlibStreams } from "./kept-handle.js";

/** The shared inflater has the largest window, and so serves them all. */
const maxWindowBits = 15;

/** Of each direction, for codecs that have had few messages: deflaters take 256 KiB each by default, inflaters 40. */
const defaultMaxHandles = 32;

/**
 * Makes the codecs of a process.
 *
 * @param name - The filling; by default the native handle where this Node shows one that works, else Node's
 *   public calls. Which of them it is shows when it is first needed, for finding out takes a millisecond.
 * @param maxHandles - How many handles of each direction codecs share that have had few messages: beyond, they take them from one another.
 * @throws JetSocketError (`UNSUPPORTED_CODEC`) where `"handle"` is asked for and this Node shows none.
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
  throw new JetSocketError("This version of Node shows no zlib handle that works as expected.", {
    code: "UNSUPPORTED_CODEC",
  });
}

/** Counts what it hands out, and lets all directions of the same kind that keep no context use one codec. */
class SharingCodecFactory implements CodecFactory {
  readonly #openBackend: () => CodecBackend;
  readonly #sharedInflater: CodecSource<Inflater>;
  readonly #sharedDeflaters: Map<string, CodecSource<Deflater>> = new Map();
  readonly #onClose = (): void => {
    this.#openCount--;
  };
  #openedFilling: CodecBackend | undefined;
  #openCount = 0;

  constructor(openBackend: () => CodecBackend) {
    this.#openBackend = openBackend;
    const options = { windowBits: maxWindowBits, keepsContext: false };
    this.#sharedInflater = new CodecSource(() => this.#backend().inflater(options));
  }

  get name(): CodecFactory["name"] {
    return this.#backend().name;
  }

  get openCount(): number {
    return this.#openCount;
  }

  #backend(): CodecBackend {
    this.#openedFilling ??= this.#openBackend();
    return this.#openedFilling;
  }

  inflater(options: InflaterOptions): Inflater {
    const source = options.keepsContext
      ? new CodecSource(() => this.#backend().inflater(options))
      : this.#sharedInflater;
    this.#openCount++;
    return new LeasedInflater(source, this.#onClose);
  }

  deflater(options: DeflaterOptions): Deflater {
    const source = options.keepsContext
      ? new CodecSource(() => this.#backend().deflater(options))
      : this.#sharedDeflater(options);
    this.#openCount++;
    return new LeasedDeflater(source, this.#onClose);
  }

  #sharedDeflater(options: DeflaterOptions): CodecSource<Deflater> {
    const key = `${options.level}/${options.memLevel}/${options.windowBits}`;
    let source = this.#sharedDeflaters.get(key);
    if (source === undefined) {
      source = new CodecSource(() => this.#backend().deflater(options));
      this.#sharedDeflaters.set(key, source);
    }
    return source;
  }
}
