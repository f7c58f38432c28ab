// Decodes the payloads of several small text frames by one call. It does not decode texts with non-ASCII characters.
import { Buffer } from "node:buffer";
import type { FastBuffer } from "../buffer-view.js";
import type { SmallFrameScanner, SmallFrameSink } from "../small-frame-scanner.js";
import { isByteLengthSlow } from "./utf8.js";

/**
 * Largest payload in bytes. For larger payloads, decoding several messages together is hardly faster than decoding them
 * one by one, because `Buffer.byteLength` must check all bytes.
 */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** Number of messages that are decoded one by one after a sequence of messages was not ASCII. */
const messagesPerTry = 256;

/**
 * Decodes a run by one call. A run is a sequence of small text frames. The messages are then slices of the string. A
 * slice takes a fifth of the time of a call that decodes a few bytes (`bench/ideas/text-run.mjs`).
 *
 * All texts of the run must be ASCII. A comparison of lengths checks this: `Buffer.byteLength` counts one byte for each
 * character of a latin1 string, and a second byte for each character above 0x7f. In a run of ASCII texts, only the
 * frame headers contain bytes above 0x7f. The scanner has counted these bytes.
 */
export class SmallTextBatch {
  #untilTry = 0;

  /** Returns the run at `start` as a string with one character per byte. `undefined` if no ASCII run starts there. */
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
    const text = (bytes as FastBuffer).latin1Slice(start, scanner.end);
    if (Buffer.byteLength(text) === text.length + scanner.nonAsciiCount) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }
}
