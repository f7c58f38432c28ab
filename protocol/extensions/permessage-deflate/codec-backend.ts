import type { CodecFactory, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";

/** What a filling of the codec port does by itself; sharing and counting are the factory's. */
export interface CodecBackend {
  readonly name: CodecFactory["name"];
  /** Takes its native memory at once. */
  inflater(options: InflaterOptions): Inflater;
  /** Takes its native memory at once. */
  deflater(options: DeflaterOptions): Deflater;
}
