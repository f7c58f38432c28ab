import { type ProtocolConnection, zeroBytes } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";

/**
 * What one write takes. Only a small one shows the progress of a slow peer, a large one costs less for each byte. What the kernel has once
 * taken within a tick is at most what it has room for, and it tells of new room by a third of that: a quarter shows as much.
 */
const minWriteSize = 64 * 1024;
const maxWriteSize = 256 * 1024;
const acceptedPerWriteSize = 4;

/** So much behind a full write leaves with it, as the end of a message does that is as large as that: alone it would cost as much as 4 KiB. */
const maxTailSize = 4 * 1024;

/**
 * To wait for the end of a tick takes a sixth of what it takes to write a small message. After so many ticks in a row with one message
 * each it is left out for as many; then a tick is waited for again, to see whether it still has one.
 */
const minSingleMessageTicks = 16;

export interface SocketWriterHandler {
  /** Bytes have gone to the kernel; `wasRefused` where it had not taken them at once. */
  onProgress(wasRefused: boolean): void;
}

/** Brings what the protocol has to say to the transport: one write at a time, and one for all of a tick that has several messages. */
export class SocketWriter {
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #handler: SocketWriterHandler;
  // Bound when they are first needed: a function made here would hold its surroundings too, and take twice as much.
  #atTickEnd: (() => void) | undefined;
  #afterWrite: (() => void) | undefined;
  #isScheduled = false;
  #writeSize = minWriteSize;
  /** What the kernel has taken at once in this tick. */
  #acceptedSize = 0;
  /** How many ticks in a row had one message. */
  #singleMessageTicks = 0;
  /** How many more messages are taken for the only one of their tick. */
  #immediateWriteCredit = 0;
  #framedBefore = 0;
  /** The size of the write that the kernel has not taken; one write is out at a time. */
  #refusedSize = 0;
  #isStopped = false;
  #bytesWritten: number = zeroBytes;
  #lastWrittenAt: number | undefined;
  /** When the write began that the kernel has refused. */
  #refusedAt: number | undefined;
  /** The kernel has really kept it waiting, which a callback of TLS in the next turn does not show. */
  #isSlow = false;
  #isCheckPending = false;
  #lastProgressAt: number | undefined;

  constructor(
    protocol: ProtocolConnection,
    transport: Transport,
    runtime: Runtime,
    handler: SocketWriterHandler,
  ) {
    this.#protocol = protocol;
    this.#transport = transport;
    this.#runtime = runtime;
    this.#handler = handler;
  }

  /** Bytes that the kernel has taken. */
  get bytesWritten(): number {
    return this.#bytesWritten + 0;
  }

  /** When bytes were last given to the kernel. */
  get lastWrittenAt(): number | undefined {
    return this.#lastWrittenAt;
  }

  /** Since when a write waits for the kernel; each piece that it takes begins another. */
  get stuckSince(): number | undefined {
    return this.#refusedAt;
  }

  /** When the kernel last took bytes that it had refused: the peer's side has moved. */
  get lastProgressAt(): number | undefined {
    return this.#lastProgressAt;
  }

  /** Says that the protocol may have output; it leaves at the end of the tick, or at once what fills a write, or is expected to be alone. */
  wake(): void {
    if (this.#refusedSize > 0 || this.#isStopped) return;
    // What fills a write is not worth keeping to the end of the tick; what is left of it is.
    const fillsWrite = this.#protocol.bufferedSize >= this.#writeSize;
    if (this.#isScheduled && !fillsWrite) return;
    if (fillsWrite) this.#writeWhile(this.#writeSize);
    else if (this.#immediateWriteCredit > 0) this.#writeImmediately();
    this.#scheduleRest();
  }

  #writeImmediately(): void {
    if (!this.#protocol.hasOutput) return;
    this.#immediateWriteCredit--;
    this.#writeWhile(1);
    this.#framedBefore = this.#protocol.framedCount;
    this.#acceptedSize = 0;
  }

  #scheduleRest(): void {
    if (this.#isScheduled || (!this.#protocol.hasOutput && this.#acceptedSize === 0)) return;
    this.#isScheduled = true;
    this.#atTickEnd ??= this.#onTickEnd.bind(this);
    this.#runtime.defer(this.#atTickEnd);
  }

  #onTickEnd(): void {
    this.#isScheduled = false;
    this.#countSingleMessageTick();
    this.flush();
    this.#acceptedSize = 0;
  }

  #countSingleMessageTick(): void {
    const { framedCount } = this.#protocol;
    const count = framedCount - this.#framedBefore;
    this.#framedBefore = framedCount;
    if (count === 0) return;
    this.#singleMessageTicks = count === 1 ? this.#singleMessageTicks + 1 : 0;
    this.#immediateWriteCredit = this.#singleMessageTicks < minSingleMessageTicks ? 0 : minSingleMessageTicks;
  }

  /** Writes until the kernel refuses. */
  flush(): void {
    if (this.#refusedSize > 0 || this.#isStopped) return;
    this.#writeWhile(1);
    this.#acceptedSize = 0;
  }

  /** @param size - So many bytes wait at least before each write. */
  #writeWhile(size: number): void {
    let hasWritten = false;
    if (this.#protocol.hasOutput) this.#lastWrittenAt = this.#runtime.now();
    while (this.#protocol.bufferedSize >= size) {
      const bytes = this.#protocol.take(this.#writeSize + maxTailSize);
      if (bytes === undefined) break;
      if (!this.#transport.write(bytes, (this.#afterWrite ??= this.#onWritten.bind(this)))) {
        this.#onWriteRefused(bytes.length);
        break;
      }
      this.#bytesWritten += bytes.length;
      this.#growWriteSize(bytes.length);
      this.#protocol.written();
      hasWritten = true;
    }
    if (hasWritten) this.#handler.onProgress(false);
  }

  #growWriteSize(size: number): void {
    this.#acceptedSize += size;
    if (this.#writeSize === maxWriteSize) return;
    const earned = Math.floor(this.#acceptedSize / acceptedPerWriteSize / minWriteSize) * minWriteSize;
    this.#writeSize = Math.min(Math.max(earned, this.#writeSize), maxWriteSize);
  }

  #onWriteRefused(size: number): void {
    this.#acceptedSize = 0;
    this.#refusedSize = size;
    this.#refusedAt = this.#lastWrittenAt;
    this.#isSlow = false;
    if (!this.#isCheckPending) this.#checkIfSlow();
  }

  /** TLS tells each write a turn late: only one that outlasts two turns was really refused. */
  #checkIfSlow(): void {
    const refusedAt = this.#refusedAt;
    const written = this.#bytesWritten;
    this.#isCheckPending = true;
    this.#runtime.afterTurn(() =>
      this.#runtime.afterTurn(() => {
        this.#isCheckPending = false;
        if (this.#refusedAt === undefined || this.#isStopped) return;
        if (this.#refusedAt === refusedAt && this.#bytesWritten === written) this.#isSlow = true;
        else this.#checkIfSlow();
      }),
    );
  }

  #onWritten(): void {
    if (this.#isStopped) return;
    if (this.#isSlow) this.#lastProgressAt = this.#runtime.now();
    this.#bytesWritten += this.#refusedSize;
    this.#refusedSize = 0;
    this.#refusedAt = undefined;
    this.#protocol.written();
    this.#handler.onProgress(true);
    this.flush();
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#isStopped = true;
  }
}
