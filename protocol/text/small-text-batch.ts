import { Buffer } from "node:buffer";
import type { SmallFrameScanner, SmallFrameSink } from "../small-frame-scanner.js";
import { isByteLengthSlow } from "./utf8.js";

/** With longer payloads a run is hardly cheaper than its messages one by one: `Buffer.byteLength` shows that all of it is ASCII. */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** So many messages are decoded one by one before it is tried again whether they are ASCII. */
const messagesPerTry = 256;

/** A method that every Node has on its buffers. */
interface SliceableBuffer {
  latin1Slice(start: number, end: number): string;
}

/**
 * Decodes a run of small texts by one call: to slice a string costs a fifth of a call that decodes a few bytes
 * (`bench/ideas/text-run.mjs`).
 *
 * All of them must be ASCII for that, which one more call shows: in UTF-8 a one-byte string takes a byte for each character, and another
 * one for each above 0x7f; in a run of ASCII the only ones of those are bytes of the headers, which are counted beforehand.
 */
export class SmallTextBatch {
  #untilTry = 0;

  /** The bytes of the run that begins at `start`, a character each; `undefined` where none does. */
  find(
    finder: SmallFrameScanner,
    bytes: Buffer,
    start: number,
    end: number,
    sink: SmallFrameSink,
  ): string | undefined {
    if (!sink.mayTakeRun(maxPayloadSize)) return undefined;
    if (this.#untilTry > 0) {
      this.#untilTry--;
      return undefined;
    }
    if (!finder.find(bytes, start, end, maxPayloadSize)) return undefined;
    const text = (bytes as Buffer & SliceableBuffer).latin1Slice(start, finder.end);
    if (Buffer.byteLength(text) === text.length + finder.aboveAscii) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }
}
