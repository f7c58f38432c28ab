// Decodes several small text frames with one call of the decoder. This module does not decode texts with non-ASCII
// characters.
import { Buffer } from "node:buffer";
import { latin1Slice } from "../fast-buffer.js";
import { SmallFrameScanner } from "../small-frame-scanner.js";
import { isByteLengthSlow } from "./utf8.js";

/**
 * Largest payload in bytes of a message in a batch. Decoding a batch of larger payloads is hardly faster than decoding
 * the payloads one by one, because `Buffer.byteLength` must check all bytes of the batch.
 */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** If a batch is not ASCII, at least this number of messages is decoded one by one before the next batch is tried. */
const messagesPerTry = 256;

/** Receives small complete texts without their frames. */
export interface SmallTextSink {
  /** `true` if no message is incomplete, and if the size limits allow a message of `maxSize` bytes. */
  mayTakeBatch(maxSize: number): boolean;
  /** Receives a text of a batch. The batch has checked that the text is ASCII. */
  onSmallText(text: string, size: number): void;
  /** `true` if texts are passed to {@link onLentText}, not to {@link onSmallText}. Can change between two texts. */
  readonly isLending: boolean;
  /** Receives an ASCII text as a view of the received bytes. */
  onLentText(bytes: Buffer, start: number, end: number): void;
}

/**
 * Decodes a batch of small texts by one call. The messages are then slices of the decoded string. A slice takes a fifth
 * of the time of a call that decodes a few bytes (`bench/ideas/text-run.mjs`).
 *
 * All texts of a batch must be ASCII. To check this, the decoder counts the bytes above 0x7f in the whole batch with
 * `Buffer.byteLength`. The scanner has counted the bytes above 0x7f in the frame headers. If both numbers are equal,
 * all texts are ASCII.
 */
export class SmallTextBatch {
  readonly scanner: SmallFrameScanner = new SmallFrameScanner();
  #untilTry = 0;

  /**
   * Returns the batch at `start` as a string with one character per byte. Returns `undefined` if no batch was found, or
   * if a text is not ASCII.
   */
  find(bytes: Buffer, start: number, end: number, sink: SmallTextSink): string | undefined {
    if (!sink.mayTakeBatch(maxPayloadSize)) return undefined;
    if (this.#untilTry > 0) {
      this.#untilTry--;
      return undefined;
    }
    const { scanner } = this;
    if (!scanner.find(bytes, start, end, maxPayloadSize)) return undefined;
    const text = latin1Slice(bytes, start, scanner.end);
    if (Buffer.byteLength(text) === text.length + scanner.nonAsciiCount) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }
}
