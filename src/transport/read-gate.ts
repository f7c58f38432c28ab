import type { TransportHandler } from "../runtime/transport.js";

export interface ReadGateOwner {
  /** Reading may go on after a pause. */
  onDrained(): void;
}

/**
 * Lets data, end and close through to the handler in their order. Data and end are kept while reading is paused, and the
 * close behind them. A stream that was told to pause goes on for a while: TLS gives all that it has decrypted, and the end too.
 */
export class ReadGate {
  readonly #handler: TransportHandler;
  readonly #owner: ReadGateOwner;
  /** There while something is kept. */
  #held: Buffer[] | undefined;
  #isEndHeld = false;
  #isPaused = false;
  #isShut = false;
  #isClosed = false;
  #isCloseTold = false;
  #error: Error | undefined;

  constructor(handler: TransportHandler, owner: ReadGateOwner) {
    this.#handler = handler;
    this.#owner = owner;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Nothing passes any more but the close. */
  get isShut(): boolean {
    return this.#isShut;
  }

  data(bytes: Buffer, length: number): void {
    if (this.#isShut || length === 0) return;
    if (this.#isPaused || this.#isKeeping()) this.#keep(Buffer.from(bytes.subarray(0, length)));
    else this.#handler.onData(bytes, length);
  }

  #keep(bytes: Buffer): void {
    this.#held ??= [];
    this.#held.push(bytes);
  }

  end(): void {
    if (this.#isShut) return;
    if (this.#isPaused || this.#isKeeping()) this.#isEndHeld = true;
    else this.#handler.onEnd();
  }

  close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    if (!this.#isKeeping()) this.#tellClose();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isKeeping()) process.nextTick(() => this.#release());
    else this.#owner.onDrained();
  }

  /** Drops what is held; of all that may still come only the close is told. */
  shut(): void {
    this.#isShut = true;
    this.#held = undefined;
    this.#isEndHeld = false;
    if (this.#isClosed) process.nextTick(() => this.#tellClose());
  }

  #isKeeping(): boolean {
    return (this.#held !== undefined && this.#held.length > 0) || this.#isEndHeld;
  }

  /** False as soon as the handler has paused or destroyed the transport from inside a call. */
  #mayPass(): boolean {
    return !this.#isPaused && !this.#isShut;
  }

  #release(): void {
    while (this.#mayPass()) {
      const bytes = this.#held?.shift();
      if (bytes === undefined) break;
      this.#handler.onData(bytes, bytes.length);
    }
    if (this.#isEndHeld && this.#mayPass()) {
      this.#isEndHeld = false;
      this.#handler.onEnd();
    }
    if (this.#isKeeping()) return;
    if (this.#isClosed) this.#tellClose();
    else if (this.#mayPass()) this.#owner.onDrained();
  }

  #tellClose(): void {
    if (this.#isCloseTold) return;
    this.#isCloseTold = true;
    this.#isShut = true;
    this.#handler.onClose(this.#error);
  }
}
