// Writes the output of the protocol to the transport, and tracks the progress. It does not queue messages.
import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";

/** Limits of the size of one write, in bytes. Large writes cost less per byte, and small writes show more progress. */
const minWriteSize = 64 * 1024;
const maxWriteSize = 256 * 1024;
/**
 * The write size grows to a quarter of the bytes that the kernel has accepted within one tick. The kernel reports free
 * space when a third of its buffer is free. So even a slow peer completes a write of a quarter soon.
 */
const acceptedPerWriteSize = 4;

/** A remainder of at most this number of bytes is added to a full write: a further write costs as much as 4 KiB. */
const maxTailSize = 4 * 1024;

/**
 * After 16 consecutive ticks with one message each, the next 16 messages are written immediately. The message after
 * these 16 waits for the end of its tick, to check whether its tick still has one message. This wait costs a sixth of
 * the time to write a small message.
 */
const minSingleMessageTicks = 16;

export interface SocketWriterHandler {
  /**
   * The kernel has accepted the bytes of a write.
   * @param wasRefused - `false` if the kernel accepted the bytes during the write call; `true` if later.
   */
  onProgress(wasRefused: boolean): void;
}

/** Writes the output of the protocol. All messages of one tick share a write. At most one write is pending. */
export class SocketWriter {
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #handler: SocketWriterHandler;
  // Two bound methods, created on first use. A closure of the constructor would take twice the memory.
  #atTickEnd: (() => void) | undefined;
  #afterWrite: (() => void) | undefined;
  #isScheduled = false;
  #writeSize = minWriteSize;
  /** Number of bytes that the kernel accepted during the write calls of this tick. */
  #acceptedSize = 0;
  /** Number of consecutive ticks with one message. */
  #singleMessageTicks = 0;
  /** The number of next messages that are written immediately. */
  #immediateWriteCredit = 0;
  /** The property `framedCount` of the protocol at the end of the last tick. */
  #framedBefore = 0;
  /** Size of the refused write in bytes; 0 if there is none. A refused write waits until the kernel has free space. */
  #refusedSize = 0;
  #isStopped = false;
  #bytesWritten = 0;
  #lastWrittenAt: number | undefined;
  /** The time at which the refused write was started; `undefined` if there is none. */
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

  /** The time at which bytes were last passed to the kernel. */
  get lastWrittenAt(): number | undefined {
    return this.#lastWrittenAt;
  }

  /** The start of the write that the kernel has not accepted yet; `undefined` if there is no such write. */
  get blockedSince(): number | undefined {
    return this.#refusedAt;
  }

  /** The time at which the kernel last accepted a refused write. This progress shows that the peer reads. */
  get lastProgressAt(): number | undefined {
    return this.#lastProgressAt;
  }

  /**
   * Called when the protocol may have output. Usually the output is written at the end of the tick. It is written
   * immediately if it fills a write, or if the tick probably has only one message.
   */
  wake(): void {
    if (this.#refusedSize > 0 || this.#isStopped) return;
    // A full write is not delayed, because it cannot grow.
    const fillsWrite = this.#protocol.bufferedSize >= this.#writeSize;
    if (this.#isScheduled && !fillsWrite) return;
    if (fillsWrite) this.#writeWhile(this.#writeSize);
    else if (this.#immediateWriteCredit > 0) this.#writeImmediately();
    if (this.#isScheduled || (!this.#protocol.hasOutput && this.#acceptedSize === 0)) return;
    this.#isScheduled = true;
    this.#runtime.defer((this.#atTickEnd ??= this.#onTickEnd.bind(this)));
  }

  #writeImmediately(): void {
    if (!this.#protocol.hasOutput) return;
    this.#immediateWriteCredit--;
    this.#writeWhile(1);
    this.#framedBefore = this.#protocol.framedCount;
    this.#acceptedSize = 0;
  }

  #onTickEnd(): void {
    this.#isScheduled = false;
    this.#countSingleMessageTick();
    this.flush();
  }

  #countSingleMessageTick(): void {
    const { framedCount } = this.#protocol;
    const count = framedCount - this.#framedBefore;
    this.#framedBefore = framedCount;
    if (count === 0) return;
    this.#singleMessageTicks = count === 1 ? this.#singleMessageTicks + 1 : 0;
    this.#immediateWriteCredit = this.#singleMessageTicks < minSingleMessageTicks ? 0 : minSingleMessageTicks;
  }

  /** Writes all output, until the kernel refuses a write. */
  flush(): void {
    if (this.#refusedSize > 0 || this.#isStopped) return;
    this.#writeWhile(1);
    this.#acceptedSize = 0;
  }

  /** @param size - Minimum number of buffered bytes for a write. */
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

  /**
   * Checks after two turns of the event loop whether the refused write still waits. One turn is too short, because TLS
   * reports even a fast write in the next turn.
   */
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

  /** Stops writing. Nothing is written after this call. */
  stop(): void {
    this.#isStopped = true;
  }
}
