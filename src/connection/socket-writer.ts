// Writes the protocol's output to the transport and tracks its progress. It does not queue messages: see `SendQueue`.
import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";

/**
 * Limits of the size of one write, in bytes. Small writes show the progress of a slow peer; large writes cost less per
 * byte. The write size grows to a quarter of what the kernel accepted within one tick: the kernel reports free space
 * when a third of its buffer is free, so a write of a quarter still shows the progress.
 */
const minWriteSize = 64 * 1024;
const maxWriteSize = 256 * 1024;
const acceptedPerWriteSize = 4;

/** Largest remainder in bytes that is appended to a full write. A separate write costs as much as writing 4 KiB. */
const maxTailSize = 4 * 1024;

/**
 * After 16 consecutive ticks with one message each, the next 16 messages are written immediately. Then one tick is
 * awaited again, to check that it still has one message. Waiting for the end of a tick costs a sixth of the time to
 * write a small message.
 */
const minSingleMessageTicks = 16;

export interface SocketWriterHandler {
  /**
   * The kernel accepted bytes.
   * @param wasRefused - True if it had not accepted them during the write call.
   */
  onProgress(wasRefused: boolean): void;
}

/** Writes the output of the protocol: one write at a time, and all messages of one tick together. */
export class SocketWriter {
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #handler: SocketWriterHandler;
  // Bound on first use, because a closure created in the constructor takes twice the memory.
  #atTickEnd: (() => void) | undefined;
  #afterWrite: (() => void) | undefined;
  #isScheduled = false;
  #writeSize = minWriteSize;
  /** Number of bytes that the kernel accepted during the write calls of this tick. */
  #acceptedSize = 0;
  /** Number of consecutive ticks with one message. */
  #singleMessageTicks = 0;
  /** Number of messages that may still be written immediately. */
  #immediateWriteCredit = 0;
  /** The protocol's `framedCount` at the end of the last tick. */
  #framedBefore = 0;
  /** Size of the write that the kernel has not accepted completely; 0 if none. */
  #refusedSize = 0;
  #isStopped = false;
  #bytesWritten = 0;
  #lastWrittenAt: number | undefined;
  /** When the refused write was started; `undefined` if no write is refused. */
  #refusedAt: number | undefined;
  /** True if the refused write has outlasted two turns of the event loop. */
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

  /** Number of bytes that the kernel has accepted. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** When bytes were last passed to the kernel. */
  get lastWrittenAt(): number | undefined {
    return this.#lastWrittenAt;
  }

  /** When the refused write was started; `undefined` if no write waits for the kernel. */
  get blockedSince(): number | undefined {
    return this.#refusedAt;
  }

  /** When the kernel last accepted bytes that it had refused, which shows that the peer reads. */
  get lastProgressAt(): number | undefined {
    return this.#lastProgressAt;
  }

  /**
   * Called when the protocol may have output. The output is written at the end of the tick, or immediately if it fills
   * a write or is expected to be the only message of the tick.
   */
  wake(): void {
    if (this.#refusedSize > 0 || this.#isStopped) return;
    // Output that fills a write does not gain from waiting; the remainder does.
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

  /** @param size - Minimum number of buffered bytes for another write. */
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

  /** TLS reports each write one turn late, so only a write that outlasts two turns was refused by the kernel. */
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

  /** Stops writing. */
  stop(): void {
    this.#isStopped = true;
  }
}
