// One attempt to open a connection, from DNS to the 101 response, with a timeout. It does not retry.
import type { ClientHandshake, HandshakeResult } from "../../protocol/index.js";
import type { Phase } from "../events/close-report.js";
import { TimeoutError } from "../errors.js";
import type { Runtime, Timer } from "../runtime/runtime.js";
import type { TlsDetails } from "../events/tls-details.js";
import type {
  AddressAttempt,
  Transport,
  TransportHandler,
  TransportPhase,
  TransportTarget,
} from "../runtime/transport.js";
import { ConnectionInput } from "./connection-input.js";

/** The result of a successful opening handshake. */
export type AcceptingAnswer = Extract<HandshakeResult, { kind: "accepted" }>;

/** The negotiated values that an open connection keeps. */
export interface AcceptedHandshake extends Pick<AcceptingAnswer, "subprotocol" | "extensions"> {
  /** The subprotocol without credentials, for events and reports. */
  readonly shownSubprotocol: string;
}

export interface OpeningContext {
  readonly runtime: Runtime;
  readonly target: TransportTarget;
  readonly handshake: ClientHandshake;
  /** Maximum milliseconds for DNS, TCP, TLS and HTTP together. */
  readonly timeout: number;
  /** Milliseconds of `timeout` that earlier requests of the attempt took. */
  readonly elapsed?: number | undefined;
}

/** Maximum milliseconds to wait for the body of a rejecting response. Many servers never end this body. */
const bodyTimeout = 1_000;

/** Most addresses that an error message names. */
const maxShownAddresses = 8;

/** The duration of each phase of an attempt, in milliseconds. */
export type OpeningTimes = Partial<Record<TransportPhase | "http", number>>;

/** The byte stream of an open connection. */
export interface OpenedStream {
  readonly transport: Transport;
  readonly input: ConnectionInput;
}

export interface OpeningHandler {
  /**
   * The handshake succeeded. The handler must call `input.open()` during this call. Afterwards, `input` receives the
   * bytes after the 101 response.
   */
  onAccepted(accepted: AcceptingAnswer, stream: OpenedStream, times: OpeningTimes): void;
  /** The attempt has failed, and its stream is closed. */
  onFailed(failure: FailedAttempt): void;
}

/** The end of an attempt that never opened a connection. */
export interface FailedAttempt {
  readonly phase: Phase;
  readonly error: Error | undefined;
  /** The IP addresses that were tried. Default: none. */
  readonly addresses?: readonly AddressAttempt[] | undefined;
  readonly tls?: TlsDetails | undefined;
}

/** Opens a transport, writes the handshake request, and reads the response. */
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
    // Until `createConnection` has returned a stream, a failure is reported as a failure of `createConnection`.
    this.#phase = context.target.createConnection === undefined ? "tcp" : "provider";
    this.#phaseAt = context.runtime.now();
    this.#deadline = context.runtime.setTimer(Math.max(context.timeout - (context.elapsed ?? 0), 0), () =>
      this.#onDeadline(),
    );
    this.#transport = context.runtime.openTransport(context.target, this.#input);
  }

  /** Destroys the stream. After the stream has closed, `onFailed` is called with the `reason` of the first call. */
  abandon(reason: Error | undefined): void {
    this.#failure ??= reason;
    this.#transport.destroy();
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

  onPhase(phase: TransportPhase | "http"): void {
    const now = this.#context.runtime.now();
    this.#endPhase(now);
    this.#phase = phase;
    this.#phaseAt = now;
  }

  #endPhase(now: number): void {
    if (this.#phase !== "provider") this.#times[this.#phase] = now - this.#phaseAt;
  }

  onOpen(): void {
    this.onPhase("http");
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
      this.abandon(result.error);
      return;
    }
    this.#deadline.clear();
    this.#endPhase(this.#context.runtime.now());
    const [input, transport] = [this.#input, this.#transport];
    input.handOver(bytes, result.consumed, length, () =>
      this.#handler.onAccepted(result, { transport, input }, this.#times),
    );
  }

  onEnd(): void {
    const result = this.#context.handshake.receiveEnd();
    if (result.kind === "rejected") this.abandon(result.error);
  }

  /** Waits a short time for the body of a rejecting response. The body only adds details to the status. */
  #awaitBody(): void {
    if (this.#bodyDeadline !== undefined) return;
    this.#bodyDeadline = this.#context.runtime.setTimer(bodyTimeout, () => this.#onDeadline());
    if (!this.#isReferenced) this.#bodyDeadline.unref();
  }

  onClose(error: Error | undefined): void {
    this.#deadline.clear();
    this.#bodyDeadline?.clear();
    const broken = error === undefined ? undefined : (this.#rejection() ?? error);
    const { addresses, tls } = this.#transport;
    this.#handler.onFailed({ phase: this.#phase, error: this.#failure ?? broken, addresses, tls });
  }

  #onDeadline(): void {
    const { timeout: timeoutMs } = this.#context;
    const message = `The connection was not open after the ${timeoutMs} ms of connectTimeout (phase: ${this.#phase}).`;
    const details = { operation: "connect", timeoutMs };
    this.abandon(
      this.#rejection() ?? new TimeoutError(message + triedOf(this.#transport.addresses), details),
    );
  }

  /**
   * Returns the error of a rejecting response with an incomplete body. The status in this error explains more than a
   * timeout or a broken stream.
   */
  #rejection(): Error | undefined {
    const rejection = this.#context.handshake.rejection();
    return rejection?.kind === "rejected" ? rejection.error : undefined;
  }
}

/** Says which addresses did not answer. */
function triedOf(addresses: readonly AddressAttempt[] = []): string {
  const shown = addresses.slice(0, maxShownAddresses).map(({ address, error }) => {
    return error === undefined ? address : `${address} (${error.message})`;
  });
  const rest = addresses.length > shown.length ? ` and ${addresses.length - shown.length} others` : "";
  return shown.length === 0 ? "" : ` Addresses tried: ${shown.join(", ")}${rest}.`;
}

function ignore(): void {
  // The response of the server shows that the request was written.
}
