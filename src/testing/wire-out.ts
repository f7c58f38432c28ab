/**
 * Writes the bytes of a scripted server to the client, with the faults that the script requests. This module does not
 * parse frames.
 */
import type { ByteStream } from "./byte-stream.js";

/** An output queue that can split, merge, truncate or discard writes. */
export class WireOut {
  readonly #stream: ByteStream;
  readonly #queue: Buffer[] = [];
  /** The pieces of the current merged write; `undefined` outside {@link join}. */
  #joined: Buffer[] | undefined;
  #pieceSize = Infinity;
  /** Number of bytes that are sent before the connection is reset. */
  #allowance = Infinity;
  #isWriting = false;
  #isEnding = false;
  #hasEnded = false;
  #isResetting = false;
  #isShut = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Sends each later write in pieces of `size` bytes. */
  splitBy(size: number): void {
    this.#pieceSize = size;
  }

  /** Resets the connection after `size` more bytes were sent. */
  resetAfter(size: number): void {
    this.#allowance = size;
    if (size === 0 && !this.#isWriting) this.#reset();
  }

  write(bytes: Buffer): void {
    if (this.#isShut || this.#isEnding || this.#isResetting) return;
    if (this.#joined !== undefined) {
      this.#joined.push(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += this.#pieceSize)
      this.#queue.push(bytes.subarray(at, at + this.#pieceSize));
    this.#next();
  }

  /**
   * Merges all writes of `run` into one write. If `run` ends or resets the stream, its earlier writes are merged and
   * sent before the end or reset.
   */
  join(run: () => void): void {
    if (this.#joined !== undefined) {
      run();
      return;
    }
    this.#joined = [];
    try {
      run();
    } finally {
      this.#writeJoined();
    }
  }

  #writeJoined(): void {
    if (this.#joined === undefined) return;
    const bytes = Buffer.concat(this.#joined);
    this.#joined = undefined;
    this.write(bytes);
  }

  /** Ends this side of the stream after the queued writes. */
  end(): void {
    this.#writeJoined();
    this.#isEnding = true;
    this.#next();
  }

  /** Resets the connection after the queued writes. */
  reset(): void {
    this.#writeJoined();
    this.#isResetting = true;
    this.#next();
  }

  /** Discards queued and later writes. */
  shut(): void {
    this.#isShut = true;
    this.#queue.length = 0;
  }

  #reset(): void {
    if (this.#isShut) return;
    this.shut();
    this.#stream.reset();
  }

  #next(): void {
    if (this.#isWriting || this.#isShut) return;
    const whole = this.#queue.shift();
    if (whole === undefined) {
      if (this.#isResetting) this.#reset();
      else if (this.#isEnding && !this.#hasEnded) {
        this.#hasEnded = true;
        this.#stream.end();
      }
      return;
    }
    const piece = whole.subarray(0, this.#allowance);
    this.#allowance -= piece.length;
    this.#isWriting = true;
    this.#stream.write(piece, () => {
      this.#isWriting = false;
      if (this.#allowance === 0) this.#reset();
      else this.#next();
    });
  }
}
