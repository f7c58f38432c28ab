import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime, Timer } from "../runtime/runtime.js";

/** A message that has begun must come on by so many bytes in each `messageTimeout`. */
const minProgress = 1024;

/** Finds the peer that dribbles a message for ever. A read costs it a few comparisons, and no timer is set anew for it. */
export class MessageWatch {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #timeout: number;
  readonly #onStall: () => void;
  #timer: Timer | undefined;
  /** When the message was seen to come on, and where it stood; `undefined` between two messages. */
  #since: number | undefined;
  #message = 0;
  #size = 0;

  constructor(protocol: ProtocolConnection, runtime: Runtime, timeout: number, onStall: () => void) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#timeout = timeout;
    this.#onStall = onStall;
  }

  /** Called after each read, with the time of it. */
  check(now: number): void {
    if (!this.#protocol.isInsideMessage) {
      this.#since = undefined;
      return;
    }
    const { beganCount, unfinishedSize } = this.#protocol;
    const isStill = beganCount === this.#message && unfinishedSize - this.#size < minProgress;
    if (this.#since !== undefined && isStill) return;
    this.#since = now;
    this.#message = beganCount;
    this.#size = unfinishedSize;
    if (this.#timer === undefined) this.#arm(this.#timeout);
  }

  #arm(delay: number): void {
    this.#timer = this.#runtime.setTimer(delay, this.#onTimer);
    // The socket that is being read holds the process, or is not to.
    this.#timer.unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#since === undefined) return;
    const remaining = this.#since + this.#timeout - this.#runtime.now();
    if (remaining > 0) this.#arm(remaining);
    else this.#onStall();
  };

  /** The clock stands still: reading is paused, or the connection is gone. */
  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#since = undefined;
  }
}
