// Detects a received message that stalls (`messageTimeout`). It does not fail the connection: it calls a function.
import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime, Timer } from "../runtime/runtime.js";

/** An unfinished message must grow by this number of bytes in each `messageTimeout`. */
const minProgress = 1024;

/**
 * Detects a peer that sends a message very slowly. Each read from the socket costs a few comparisons and does not
 * restart the timer.
 */
export class MessageWatch {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #timeout: number;
  readonly #onStall: () => void;
  #timer: Timer | undefined;
  /** The time of the last progress; `undefined` between two messages. */
  #since: number | undefined;
  /**
   * The state of the unfinished message at the last progress. Progress means that the message began, or that it grew by
   * {@link minProgress} bytes. `#message` is the number of the message: 1 for the first message of the connection.
   * `#size` is the number of bytes of the message that had arrived.
   */
  #message = 0;
  #size = 0;

  constructor(protocol: ProtocolConnection, runtime: Runtime, timeout: number, onStall: () => void) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#timeout = timeout;
    this.#onStall = onStall;
  }

  /** Called after each read from the socket, with the current time. */
  check(now: number): void {
    if (!this.#protocol.isInsideMessage) {
      this.#since = undefined;
      return;
    }
    const { beganCount, unfinishedSize } = this.#protocol;
    const hasNoProgress = beganCount === this.#message && unfinishedSize - this.#size < minProgress;
    if (this.#since !== undefined && hasNoProgress) return;
    this.#since = now;
    this.#message = beganCount;
    this.#size = unfinishedSize;
    if (this.#timer === undefined) this.#arm(this.#timeout);
  }

  #arm(delay: number): void {
    this.#timer = this.#runtime.setTimer(delay, this.#onTimer);
    // This timer does not keep the process alive: only the socket does.
    this.#timer.unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#since === undefined) return;
    const remaining = this.#since + this.#timeout - this.#runtime.now();
    if (remaining > 0) this.#arm(remaining);
    else this.#onStall();
  };

  /** Clears the timer. This method is called when reading is paused or the connection is closed. */
  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#since = undefined;
  }
}
