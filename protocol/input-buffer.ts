// Passes received bytes to the frame parser in order. It buffers the bytes while reading is paused, and after a handler
// has thrown an error. It does not parse frames itself.
import { Backlog } from "./backlog.js";
import type { ControlScan } from "./control-scan.js";
import { type FrameObserver, ObservingSink } from "./frame-observer.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import type { Role } from "./constants.js";
import type { ActiveRead, Loans } from "./loans.js";
import type { Resources } from "./resources.js";
import type { SpareBuffer } from "./spare-buffer.js";

const noBytes: Buffer = Buffer.alloc(0);

/** The input side of one connection. */
export class InputBuffer implements ActiveRead {
  readonly #parser: FrameParser;
  readonly #spare: SpareBuffer;
  readonly #loans: Loans;
  /** The buffered bytes. Created when bytes must be buffered for the first time. */
  #backlog: Backlog | undefined;
  readonly #sink: FrameSink;
  readonly #observer: FrameObserver | undefined;
  readonly #handler: { onEnd(): void };
  /** Created by the first read during which the observer is active. */
  #observing: ObservingSink | undefined;
  #isPaused = false;
  #isParsing = false;
  /** Whether all further input is discarded. */
  #isDiscarding = false;
  #hasEnded = false;
  #isEndReported = false;

  // These fields describe the current read (see `ActiveRead`). A separate object would be allocated for each read.
  bytes: Buffer = noBytes;
  start = 0;
  end = 0;
  isOverwritten = false;
  outer: ActiveRead | undefined;

  /**
   * @param sink - Receives the frames.
   * @param handler - Its `onEnd` is called once: when the stream has ended and all received bytes are parsed.
   */
  constructor(
    role: Role,
    sink: FrameSink,
    resources: Pick<Resources, "spare" | "loans">,
    handler: { onEnd(): void },
    observer: FrameObserver | undefined,
  ) {
    this.#parser = new FrameParser(sink, role);
    this.#spare = resources.spare;
    this.#loans = resources.loans;
    this.#sink = sink;
    this.#observer = observer;
    this.#handler = handler;
  }

  /** Whether a frame or its header has arrived only in part. */
  get isInsideFrame(): boolean {
    return this.#parser.isInsideFrame || this.#parser.partialHeaderSize > 0;
  }

  /** Number of buffered bytes of an incomplete header. */
  get partialHeaderSize(): number {
    return this.#parser.partialHeaderSize;
  }

  /**
   * Parses the bytes, or buffers the bytes if they cannot be parsed now. If a handler throws an error, this method
   * throws the same error. The next call then continues with the first byte that was not parsed.
   * @param given - The memory is not used after the call.
   */
  receive(given: Uint8Array, start: number, end: number): void {
    const bytes = Buffer.isBuffer(given) ? given : Buffer.from(given.buffer, given.byteOffset, given.length);
    if (this.#isDiscarding || this.#isPaused || this.#isParsing || this.isKeeping) {
      this.#loans.markOverwritten(bytes, start, end);
      if (this.#isDiscarding) return;
      this.#ensureBacklog().append(bytes.subarray(start, end));
    } else this.#parse(bytes, start, end, false);
    this.#processBacklog();
  }

  /** Whether received bytes are buffered and not parsed yet. */
  get isKeeping(): boolean {
    return this.#backlog?.isEmpty === false;
  }

  /** Passes the frames in the buffered bytes to `scan`. The bytes stay buffered. */
  scan(scan: ControlScan): void {
    if (this.#backlog !== undefined) scan.run(this.#parser.fork(scan), this.#backlog.pieces());
  }

  #ensureBacklog(): Backlog {
    return (this.#backlog ??= new Backlog(this.#spare));
  }

  receiveEnd(): void {
    this.#hasEnded = true;
    this.#processBacklog();
  }

  pause(): void {
    this.#isPaused = true;
    this.#parser.halt();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isDiscarding) this.#parser.resume();
    this.#processBacklog();
  }

  /**
   * Parses the buffered bytes in a loop. If a handler calls `receive`, the nested call only appends bytes to the
   * backlog. The stack therefore does not grow, however often handlers call `receive`.
   */
  #processBacklog(): void {
    while (this.isKeeping && !this.#isPaused && !this.#isParsing) {
      const bytes = this.#backlog!.take()!;
      this.#parse(bytes, 0, bytes.length, true);
    }
    if (!this.#hasEnded || this.#isEndReported || this.#isParsing || this.isKeeping) return;
    this.#isEndReported = true;
    this.#handler.onEnd();
  }

  /** @param isTaken - `true` if the backlog owns `bytes`, `false` if the caller of `receive` owns `bytes`. */
  #parse(bytes: Buffer, start: number, end: number, isTaken: boolean): void {
    this.#isParsing = true;
    if (this.#observer !== undefined) this.#chooseSink(this.#observer);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#loans.beginRead(this);
    try {
      this.#parser.receive(bytes, start, end);
    } finally {
      this.#loans.endRead(this);
      this.bytes = noBytes;
      this.#isParsing = false;
      if (isTaken || this.#parser.position < end)
        this.#ensureBacklog().putBack(bytes.subarray(this.#parser.position, end), isTaken);
      if (this.#isDiscarding) this.#backlog?.clear();
    }
  }

  #chooseSink(observer: FrameObserver): void {
    if (this.#observing === undefined && !observer.isActive) return;
    this.#observing ??= new ObservingSink(observer, this.#sink);
    this.#parser.sink = this.#observing.activeSink();
  }

  /** Discards the buffered bytes and all bytes that are received later. */
  discard(): void {
    this.#isDiscarding = true;
    this.#backlog?.clear();
    this.#parser.halt();
  }

  /** Prevents `onEnd` from being called. */
  suppressEnd(): void {
    this.#isEndReported = true;
  }
}
