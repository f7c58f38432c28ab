import { Backlog } from "./backlog.js";
import type { ControlScan } from "./control-scan.js";
import { type FrameObserver, ObservingSink } from "./frame-observer.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import type { Role } from "./constants.js";
import type { ActiveRead, Loans } from "./loans.js";
import type { SpareBuffer } from "./spare-buffer.js";

export interface InputBufferContext {
  readonly role: Role;
  /** Where the frames go. */
  readonly sink: FrameSink;
  readonly spare: SpareBuffer;
  readonly loans: Loans;
  readonly observer: FrameObserver | undefined;
}

export interface InputBufferHandler {
  /** The stream has ended, and all that came before is with the sink. Once. */
  onEnd(): void;
}

const noBytes: Buffer = Buffer.alloc(0);

/** Brings the bytes of the peer to the parser, in their order: at once, or behind a pause, or behind what a handler has thrown. */
export class InputBuffer implements ActiveRead {
  readonly #parser: FrameParser;
  readonly #spare: SpareBuffer;
  readonly #loans: Loans;
  /** From the first bytes on that are kept. */
  #backlog: Backlog | undefined;
  readonly #sink: FrameSink;
  readonly #observer: FrameObserver | undefined;
  readonly #handler: InputBufferHandler;
  /** From the first read on that is observed. */
  #observing: ObservingSink | undefined;
  #isPaused = false;
  #isParsing = false;
  /** All further input is discarded. */
  #isDiscarding = false;
  #hasEnded = false;
  #isEndReported = false;

  // What is being parsed, for the loans: an object for each read would cost more than the rest of it.
  bytes: Buffer = noBytes;
  start = 0;
  end = 0;
  isOverwritten = false;
  outer: ActiveRead | undefined;

  constructor({ role, sink, spare, loans, observer }: InputBufferContext, handler: InputBufferHandler) {
    this.#parser = new FrameParser(sink, role);
    this.#spare = spare;
    this.#loans = loans;
    this.#sink = sink;
    this.#observer = observer;
    this.#handler = handler;
  }

  /** A frame or its header is not whole. */
  get isInsideFrame(): boolean {
    return this.#parser.isInsideFrame || this.#parser.cutHeaderSize > 0;
  }

  /** How many bytes of a header wait for the rest of it. */
  get cutHeaderSize(): number {
    return this.#parser.cutHeaderSize;
  }

  /** @param given - Only lent. It throws what a handler throws; what came behind is kept, and told by the next call. */
  receive(given: Uint8Array, start: number, end: number): void {
    if (this.#isDiscarding) return;
    const bytes = Buffer.isBuffer(given) ? given : Buffer.from(given.buffer, given.byteOffset, given.length);
    if (this.#isPaused || this.#isParsing || this.#hasKept())
      this.#ensureBacklog().append(bytes.subarray(start, end));
    else this.#parse(bytes, start, end, false);
    this.#processBacklog();
  }

  #hasKept(): boolean {
    return this.#backlog !== undefined && !this.#backlog.isEmpty;
  }

  /** Bytes wait for the end of a pause. */
  get isKeeping(): boolean {
    return this.#hasKept();
  }

  /** Shows the frames among the kept bytes, which stay as they are. */
  scan(scan: ControlScan): void {
    if (this.#backlog !== undefined) scan.run(this.#parser.fork(scan), this.#backlog.pieces());
  }

  #ensureBacklog(): Backlog {
    this.#backlog ??= new Backlog(this.#spare);
    return this.#backlog;
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

  /** A loop, and nothing that it calls comes back to it: a handler may receive from inside its calls without end. */
  #processBacklog(): void {
    while (this.#hasKept() && !this.#isPaused && !this.#isParsing) {
      const bytes = this.#backlog!.take()!;
      this.#parse(bytes, 0, bytes.length, true);
    }
    if (!this.#hasEnded || this.#isEndReported || this.#isParsing || this.#hasKept()) return;
    this.#isEndReported = true;
    this.#handler.onEnd();
  }

  /** @param isTaken - Out of the backlog; else `bytes` are only lent. */
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
    if (this.#observing === undefined) {
      if (!observer.isActive) return;
      this.#observing = new ObservingSink(observer, this.#sink);
    }
    this.#parser.sink = this.#observing.activeSink();
  }

  /** Discards what waits and what will come. */
  discard(): void {
    this.#isDiscarding = true;
    this.#backlog?.clear();
    this.#parser.halt();
  }

  /** The end of the stream is not to be told either. */
  suppressEnd(): void {
    this.#isEndReported = true;
  }
}
