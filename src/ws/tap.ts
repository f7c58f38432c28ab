/**
 * A runtime whose byte streams show the head of the server's response, and can be paused by the application. It does
 * not change a byte.
 */
import {
  type AddressAttempt,
  nodeRuntime,
  type Runtime,
  type TlsDetails,
  type Transport,
  type TransportHandler,
  type TransportPhase,
  type TransportTarget,
} from "../index.js";
import type { LookupFunction } from "node:net";

/** Most bytes of a head that are searched. The client accepts no longer head either. */
const maxHeadSize = 256 * 1024;

/** The streams by the function `lookup` of their target, which only one connection has. */
const taps = new WeakMap<LookupFunction, Tap>();

/** All connections use the same runtime, because the client keeps resources per runtime. */
export const tappedRuntime: Runtime = {
  ...nodeRuntime,
  openTransport(target: TransportTarget, handler: TransportHandler): Transport {
    const tap = target.lookup === undefined ? undefined : taps.get(target.lookup);
    if (tap === undefined) return nodeRuntime.openTransport(target, handler);
    return new TappedStream(target, handler, tap);
  },
};

/** Controls the stream of one connection. */
export class Tap {
  /** Called with the head of a response with the status 101, before the client reads it. */
  readonly onHead: (head: string) => void;
  stream: TappedStream | undefined;

  /** @param lookup - The option of the connection. No other connection may have the same function. */
  constructor(lookup: LookupFunction, onHead: (head: string) => void) {
    this.onHead = onHead;
    taps.set(lookup, this);
  }

  pause(): void {
    this.stream?.setPausedByUser(true);
  }

  resume(): void {
    this.stream?.setPausedByUser(false);
  }
}

/** A stream that is paused if the client or the application has paused it. */
class TappedStream implements Transport, TransportHandler {
  readonly #transport: Transport;
  readonly #handler: TransportHandler;
  readonly #tap: Tap;
  /** The bytes of the head so far; `undefined` when the head is complete. */
  #head: string | undefined = "";
  #isPausedByUser = false;
  #isPausedByClient = false;
  #isDestroyed = false;

  constructor(target: TransportTarget, handler: TransportHandler, tap: Tap) {
    this.#handler = handler;
    this.#tap = tap;
    tap.stream = this;
    this.#transport = nodeRuntime.openTransport(target, this);
  }

  get addresses(): readonly AddressAttempt[] {
    return this.#transport.addresses ?? [];
  }

  get tls(): TlsDetails | undefined {
    return this.#transport.tls;
  }

  onPhase(phase: TransportPhase): void {
    this.#handler.onPhase(phase);
  }

  onOpen(): void {
    this.#handler.onOpen();
  }

  onData(bytes: Buffer, length: number): void {
    if (this.#head !== undefined) this.#readHead(bytes, length);
    if (!this.#isDestroyed) this.#handler.onData(bytes, length);
  }

  #readHead(bytes: Buffer, length: number): void {
    let head = this.#head! + bytes.toString("latin1", 0, length);
    this.#head = head.length > maxHeadSize ? undefined : head;
    for (let end; (end = head.indexOf("\r\n\r\n")) !== -1; head = head.slice(end + 4)) {
      const status = /^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? "";
      // RFC 9110 15.2: interim responses precede the final one.
      if (status.startsWith("1") && status !== "101") continue;
      this.#head = undefined;
      if (status === "101") this.#tap.onHead(head.slice(0, end));
      return;
    }
  }

  onEnd(): void {
    this.#handler.onEnd();
  }

  onClose(error: Error | undefined): void {
    this.#handler.onClose(error);
  }

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    return this.#transport.write(bytes, onWritten);
  }

  end(): void {
    this.#transport.end();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#transport.destroy();
  }

  pause(): void {
    this.#isPausedByClient = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#isPausedByClient = false;
    if (!this.#isPausedByUser) this.#transport.resume();
  }

  setPausedByUser(isPaused: boolean): void {
    this.#isPausedByUser = isPaused;
    if (isPaused) this.#transport.pause();
    else if (!this.#isPausedByClient) this.#transport.resume();
  }

  ref(): void {
    this.#transport.ref();
  }

  unref(): void {
    this.#transport.unref();
  }
}
