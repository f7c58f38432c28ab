import { JetSocketError } from "../../errors.js";
import type { CodecFactory, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import type { CodecFilling } from "./codec-backend.js";
import { CodecSource, LeasedDeflater, LeasedInflater } from "./codec-lease.js";
import { DictionaryFilling } from "./dictionary-backend.js";
import { HandleFilling } from "./handle-backend.js";
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
    return new SharingCodecFactory(() => HandleFilling.open(streams, maxHandles) ?? new DictionaryFilling());
  }
  const filling = name === "handle" ? requireHandles(streams, maxHandles) : new DictionaryFilling();
  return new SharingCodecFactory(() => filling);
}

function requireHandles(streams: ZlibStreams, maxHandles: number): CodecFilling {
  const filling = HandleFilling.open(streams, maxHandles);
  if (filling !== undefined) return filling;
  throw new JetSocketError("This version of Node shows no zlib handle that works as expected.", {
    code: "UNSUPPORTED_CODEC",
  });
}

/** Counts what it hands out, and lets all directions of the same kind that keep no context use one codec. */
class SharingCodecFactory implements CodecFactory {
  readonly #openFilling: () => CodecFilling;
  readonly #sharedInflater: CodecSource<Inflater>;
  readonly #sharedDeflaters: Map<string, CodecSource<Deflater>> = new Map();
  readonly #onClose = (): void => {
    this.#openCount--;
  };
  #openedFilling: CodecFilling | undefined;
  #openCount = 0;

  constructor(openFilling: () => CodecFilling) {
    this.#openFilling = openFilling;
    const options = { windowBits: maxWindowBits, keepsContext: false };
    this.#sharedInflater = new CodecSource(() => this.#filling().inflater(options));
  }

  get name(): CodecFactory["name"] {
    return this.#filling().name;
  }

  get openCount(): number {
    return this.#openCount;
  }

  #filling(): CodecFilling {
    this.#openedFilling ??= this.#openFilling();
    return this.#openedFilling;
  }

  inflater(options: InflaterOptions): Inflater {
    const source = options.keepsContext
      ? new CodecSource(() => this.#filling().inflater(options))
      : this.#sharedInflater;
    this.#openCount++;
    return new LeasedInflater(source, this.#onClose);
  }

  deflater(options: DeflaterOptions): Deflater {
    const source = options.keepsContext
      ? new CodecSource(() => this.#filling().deflater(options))
      : this.#sharedDeflater(options);
    this.#openCount++;
    return new LeasedDeflater(source, this.#onClose);
  }

  #sharedDeflater(options: DeflaterOptions): CodecSource<Deflater> {
    const key = `${options.level}/${options.memLevel}/${options.windowBits}`;
    let source = this.#sharedDeflaters.get(key);
    if (source === undefined) {
      source = new CodecSource(() => this.#filling().deflater(options));
      this.#sharedDeflaters.set(key, source);
    }
    return source;
  }
}
