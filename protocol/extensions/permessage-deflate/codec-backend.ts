// The interface of a codec implementation. A backend does not share codecs between connections and does not count them;
// the codec factory does.
import type { CodecFactory, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";

/** One implementation of the codecs. */
export interface CodecBackend {
  readonly name: CodecFactory["name"];
  /** Creates an inflater. The factory calls this at the first use of the codec. */
  inflater(options: InflaterOptions): Inflater;
  /** Creates a deflater. The factory calls this at the first use of the codec. */
  deflater(options: DeflaterOptions): Deflater;
}
