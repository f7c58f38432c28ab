// Decodes the payloads of several small text frames by one call. It does not decode texts with non-ASCII characters.
import { Buffer } from "node:buffer";
import type { FastBuffer } from "../buffer-view.js";
import { SmallFrameScanner } from "../small-frame-scanner.js";
import { isByteLengthSlow } from "./utf8.js";

/**
 * Largest payload in bytes. For longer ones, decoding a batch is hardly faster than decoding its messages one by one,
 * because `Buffer.byteLength` must check the whole batch.
 */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** Number of messages that are decoded one by one after a batch that was not ASCII. */
const messagesPerTry = 256;

/** Receives complete texts without their frames. */
export interface SmallTextSink {
  /** Whether no message is incomplete and a message of `maxSize` bytes is within the limits. */
  mayTakeBatch(maxSize: number): boolean;
  onSmallText(text: string, size: number): void;
  /** Whether texts are passed to {@link onLentText}. May change between two messages. */
  readonly isLending: boolean;
  /** Receives an ASCII text as a view of the received bytes. */
  onLentText(bytes: Buffer, start: number, end: number): void;
}

/**
 * Decodes a batch of small texts by one call. The messages are then slices of one string. A slice costs a fifth of a
 * call that decodes a few bytes (`bench/ideas/text-run.mjs`).
 *
 * All texts of a batch must be ASCII. This is checked by comparing two lengths. `Buffer.byteLength` counts two bytes
 * for each character above 0x7f. In a batch of ASCII texts, only bytes of the frame headers are above 0x7f, and the
 * scanner has counted these.
 */
export class SmallTextBatch {
  readonly scanner: SmallFrameScanner = new SmallFrameScanner();
  #untilTry = 0;

  /** Returns the batch at `start` as a string with one character per byte, or `undefined` if there is none. */
  find(bytes: Buffer, start: number, end: number, sink: SmallTextSink): string | undefined {
    if (!sink.mayTakeBatch(maxPayloadSize)) return undefined;
    if (this.#untilTry > 0) {
      this.#untilTry--;
      return undefined;
    }
    const { scanner } = this;
    if (!scanner.find(bytes, start, end, maxPayloadSize)) return undefined;
    const text = (bytes as FastBuffer).latin1Slice(start, scanner.end);
    if (Buffer.byteLength(text) === text.length + scanner.nonAsciiCount) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }
}
