// Makes pausing reliable: the handler of a paused transport receives no data. It does not pause the stream itself.
import type { TransportHandler } from "../runtime/transport.js";

/**
 * Keeps the events `data`, `end` and `close` of a stream in order. While reading is paused, the data and the end are
 * buffered, and the event `close` waits for both. The buffer is necessary because a paused stream may still emit
 * events. For example, a TLS socket emits all data that it has decrypted, and the end.
 */
export class ReadGate {
  readonly #handler: TransportHandler;
  readonly #owner: { continueReading(): void };
  /** The data that has arrived while reading is paused. The array is created when it is first needed. */
  #buffered: Buffer[] | undefined;
  #isEndBuffered = false;
  #isPaused = false;
  #isShut = false;
  #isClosed = false;
  #isCloseEmitted = false;
  #error: Error | undefined;

  /**
   * @param owner - The object whose method `continueReading` is called after {@link resume}, when all buffered data has
   * been delivered.
   */
  constructor(handler: TransportHandler, owner: { continueReading(): void }) {
    this.#handler = handler;
    this.#owner = owner;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** True if `close` is the only event that may still be emitted. */
  get isShut(): boolean {
    return this.#isShut;
  }

  /**
   * Buffers or discards data that must not be delivered now.
   * @returns `false` if the caller must deliver the data to the handler.
   */
  withholds(bytes: Buffer, length: number): boolean {
    if (this.#isShut || length === 0) return true;
    if (!this.#isPaused && !this.#hasBuffered()) return false;
    (this.#buffered ??= []).push(Buffer.from(bytes.subarray(0, length)));
    return true;
  }

  end(): void {
    if (this.#isShut) return;
    if (this.#isPaused || this.#hasBuffered()) this.#isEndBuffered = true;
    else this.#handler.onEnd();
  }

  close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    if (!this.#hasBuffered()) this.#emitClose();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#hasBuffered()) process.nextTick(() => this.#release());
    else this.#owner.continueReading();
  }

  /** Discards the buffered data. After this call only the event `close` is emitted. */
  shut(): void {
    this.#isShut = true;
    this.#buffered = undefined;
    this.#isEndBuffered = false;
    if (this.#isClosed) process.nextTick(() => this.#emitClose());
  }

  #hasBuffered(): boolean {
    return (this.#buffered !== undefined && this.#buffered.length > 0) || this.#isEndBuffered;
  }

  /**
   * False if reading is paused or the transport is destroyed. Each call of the handler may pause reading or destroy the
   * transport.
   */
  #canDeliver(): boolean {
    return !this.#isPaused && !this.#isShut;
  }

  #release(): void {
    while (this.#canDeliver()) {
      const bytes = this.#buffered?.shift();
      if (bytes === undefined) break;
      this.#handler.onData(bytes, bytes.length);
    }
    if (this.#isEndBuffered && this.#canDeliver()) {
      this.#isEndBuffered = false;
      this.#handler.onEnd();
    }
    if (this.#hasBuffered()) return;
    if (this.#isClosed) this.#emitClose();
    else if (this.#canDeliver()) this.#owner.continueReading();
  }

  #emitClose(): void {
    if (this.#isCloseEmitted) return;
    this.#isCloseEmitted = true;
    this.#isShut = true;
    this.#handler.onClose(this.#error);
  }
}
