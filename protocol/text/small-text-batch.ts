// Decodes the payloads of several small text frames by one call. It only handles ASCII.
import { Buffer } from "node:buffer";
import type { SmallFrameScanner, SmallFrameSink } from "../small-frame-scanner.js";
import { isByteLengthSlow } from "./utf8.js";

/**
 * Largest payload in bytes. For longer ones, decoding a run is hardly faster than decoding its messages one by one,
 * because `Buffer.byteLength` must check the whole run.
 */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** Number of messages that are decoded one by one after a run was not ASCII. */
const messagesPerTry = 256;

/** A buffer method that exists in all versions of Node. */
interface SliceableBuffer {
  latin1Slice(start: number, end: number): string;
}

/**
 * Decodes a run of small texts by one call. The messages are then slices of the string: a slice costs a fifth of a call
 * that decodes a few bytes (`bench/ideas/text-run.mjs`).
 *
 * All texts of the run must be ASCII. The check compares lengths: `Buffer.byteLength` counts one byte for each
 * character of a latin1 string, and one more for each character above 0x7f. In a run of ASCII texts, only bytes of
 * frame headers are above 0x7f, and the scanner has counted these.
 */
export class SmallTextBatch {
  #untilTry = 0;

  /** Returns the run at `start` as a string with one character per byte, or `undefined` if there is no such run. */
  find(
    scanner: SmallFrameScanner,
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
    if (!scanner.find(bytes, start, end, maxPayloadSize)) return undefined;
    const text = (bytes as Buffer & SliceableBuffer).latin1Slice(start, scanner.end);
    if (Buffer.byteLength(text) === text.length + scanner.nonAsciiCount) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }
}
