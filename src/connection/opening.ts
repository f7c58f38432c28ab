// One attempt to open a connection, from DNS to the 101 response, with its timeout. It does not retry.
import type { ClientHandshake, HandshakeResult } from "../../protocol/index.js";
import type { Phase } from "../events/close-report.js";
import { TimeoutError } from "../errors.js";
import type { Runtime, Timer } from "../runtime/runtime.js";
import type {
  AddressAttempt,
  Transport,
  TransportHandler,
  TransportPhase,
  TransportTarget,
} from "../runtime/transport.js";
import { ConnectionInput } from "./connection-input.js";

/** The response that opens a connection. */
export type AcceptingAnswer = Extract<HandshakeResult, { kind: "accepted" }>;

/** The part of the response that the connection keeps. */
export interface AcceptedHandshake extends Pick<AcceptingAnswer, "subprotocol" | "extensions"> {
  /** The subprotocol as events and reports show it. Set only if the subprotocol contains a credential. */
  readonly shownSubprotocol?: string;
}

/** Returns the result of the handshake without credentials. */
export function shownHandshake(accepted: AcceptedHandshake): AcceptedHandshake {
  const { subprotocol, shownSubprotocol = subprotocol, extensions } = accepted;
  return { subprotocol: shownSubprotocol, extensions };
}

export interface OpeningContext {
  readonly runtime: Runtime;
  readonly target: TransportTarget;
  readonly handshake: ClientHandshake;
  /** Milliseconds for DNS, TCP, TLS and HTTP together. */
  readonly timeout: number;
}

/** Milliseconds to wait for the body of a rejection after its status is known. Many servers do not end the body. */
const bodyTimeout = 1_000;

/** Most addresses that an error message names. */
const maxShownAddresses = 8;

/** Duration of each phase of an attempt, in milliseconds. */
export type OpeningTimes = Partial<Record<TransportPhase | "http", number>>;

/** The stream of an open connection. */
export interface OpenedStream {
  readonly transport: Transport;
  readonly input: ConnectionInput;
}

export interface OpeningHandler {
  /**
   * The handshake succeeded. The handler must call `input.open()`: the bytes that follow the 101 response are passed to
   * `input` next.
   */
  onAccepted(accepted: AcceptingAnswer, stream: OpenedStream, times: OpeningTimes): void;
  /** The attempt failed, and its stream is closed. */
  onFailed(phase: Phase, error: Error | undefined, addresses: readonly AddressAttempt[]): void;
}

/** One attempt to open a connection. */
export class Opening implements TransportHandler {
  readonly #context: OpeningContext;
  readonly #handler: OpeningHandler;
  readonly #deadline: Timer;
  #bodyDeadline: Timer | undefined;
  readonly #times: OpeningTimes = {};
  readonly #input: ConnectionInput = new ConnectionInput(this);
  readonly #transport: Transport;
  #phase: TransportPhase | "http" | "provider";
  #phaseAt: number;
  #failure: Error | undefined;
  #isReferenced = true;

  constructor(context: OpeningContext, handler: OpeningHandler) {
    this.#context = context;
    this.#handler = handler;
    // A failure before `createConnection` has returned a stream is a failure of that function.
    this.#phase = context.target.createConnection === undefined ? "tcp" : "provider";
    this.#phaseAt = context.runtime.now();
    this.#deadline = context.runtime.setTimer(context.timeout, () => this.#onDeadline());
    this.#transport = context.runtime.openTransport(context.target, this.#input);
  }

  /** Aborts the attempt. `onFailed` is called with `reason` when the stream is closed. */
  abandon(reason: Error | undefined): void {
    this.#fail(reason);
  }

  ref(): void {
    this.#isReferenced = true;
    this.#transport.ref();
    this.#deadline.ref();
    this.#bodyDeadline?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#transport.unref();
    this.#deadline.unref();
    this.#bodyDeadline?.unref();
  }

  onPhase(phase: TransportPhase): void {
    this.#enter(phase);
  }

  #enter(phase: TransportPhase | "http"): void {
    const now = this.#context.runtime.now();
    this.#endPhase(now);
    this.#phase = phase;
    this.#phaseAt = now;
  }

  #endPhase(now: number): void {
    if (this.#phase !== "provider") this.#times[this.#phase] = now - this.#phaseAt;
  }

  onOpen(): void {
    this.#enter("http");
    this.#transport.write(this.#context.handshake.request, ignore);
  }

  onData(bytes: Buffer, length: number): void {
    const { handshake } = this.#context;
    const result = handshake.receive(bytes, 0, length);
    if (result === undefined) {
      if (handshake.isRefused) this.#awaitBody();
      return;
    }
    if (result.kind === "rejected") {
      this.#fail(result.error);
      return;
    }
    this.#deadline.clear();
    this.#endPhase(this.#context.runtime.now());
    const input = this.#input;
    this.#handler.onAccepted(result, { transport: this.#transport, input }, this.#times);
    if (result.consumed < length) input.receive(bytes, result.consumed, length);
  }

  onEnd(): void {
    const result = this.#context.handshake.receiveEnd();
    if (result.kind === "rejected") this.#fail(result.error);
  }

  /** The body only adds details to the status, so the error does not wait for the whole body. */
  #awaitBody(): void {
    if (this.#bodyDeadline !== undefined) return;
    this.#bodyDeadline = this.#context.runtime.setTimer(bodyTimeout, () => this.#onDeadline());
    if (!this.#isReferenced) this.#bodyDeadline.unref();
  }

  onClose(error: Error | undefined): void {
    this.#deadline.clear();
    this.#bodyDeadline?.clear();
    this.#handler.onFailed(
      this.#phase,
      this.#failure ?? this.#rejectionBefore(error) ?? error,
      this.#addresses(),
    );
  }

  #addresses(): readonly AddressAttempt[] {
    return this.#transport.addresses ?? [];
  }

  /** If the stream breaks during the body of a rejection, the status explains more than the stream's error. */
  #rejectionBefore(error: Error | undefined): Error | undefined {
    const rejection = error === undefined ? undefined : this.#context.handshake.rejection();
    return rejection?.kind === "rejected" ? rejection.error : undefined;
  }

  #fail(error: Error | undefined): void {
    this.#failure ??= error;
    this.#transport.destroy();
  }

  #onDeadline(): void {
    // If the status of a rejection is known and its body is incomplete, the status explains more than a timeout.
    const { handshake, timeout } = this.#context;
    const rejection = handshake.rejection();
    const message = `The connection was not open after the ${timeout} ms of connectTimeout (phase: ${this.#phase}).${triedOf(this.#addresses())}`;
    this.#fail(
      rejection?.kind === "rejected"
        ? rejection.error
        : new TimeoutError(message, { operation: "connect", timeoutMs: timeout }),
    );
  }
}

/** Says which addresses did not answer. */
function triedOf(addresses: readonly AddressAttempt[]): string {
  const shown = addresses.slice(0, maxShownAddresses).map(({ address, error }) => {
    return error === undefined ? address : `${address} (${error.message})`;
  });
  const rest = addresses.length > shown.length ? ` and ${addresses.length - shown.length} others` : "";
  return shown.length === 0 ? "" : ` Addresses tried: ${shown.join(", ")}${rest}.`;
}

function ignore(): void {
  // The server's response shows that the request was written.
}
