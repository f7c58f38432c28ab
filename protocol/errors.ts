/** What every error of this package is built from. */
export interface ErrorDetails {
  /** A stable name for programs, e.g. `"INVALID_UTF8"`: messages may change, codes do not. */
  readonly code: string;
  /** What led to this error. */
  readonly cause?: unknown;
}

/** What a client puts on an error that has ended a connection; its `CloseReport` tells more. */
export interface ErrorReport {
  readonly verdict: string;
  readonly advice: string;
  readonly isRetryable: boolean;
  readonly phase: string;
  readonly url: string;
}

/**
 * The root of all errors of this package.
 *
 * `instanceof` goes by a brand, not by identity: it holds for an error made by the other copy of the
 * package where a process has loaded both the ES module and the CommonJS one.
 */
export class JetSocketError extends Error {
  static readonly brand: symbol = Symbol.for("jetsocket.JetSocketError");

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A subclass of the user's has no brand of its own, and is matched as any class is.
    if (!Object.hasOwn(this, "brand")) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && this.brand in value;
  }

  static {
    brandInstances(this, "JetSocketError");
  }

  /** A stable name for programs, e.g. `"INVALID_UTF8"`. */
  readonly code: string;
  /**
   * The `CloseReport` of the connection that this error has ended, put here by the client.
   * Absent on errors that end none, and where the protocol layer is used by itself.
   */
  declare report?: ErrorReport;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
  }
}

/** The peer broke RFC 6455 or RFC 7692, or went past a limit: the connection fails with {@link closeCode}. */
export class ProtocolError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.ProtocolError");

  static {
    brandInstances(this, "ProtocolError");
  }

  /** The close code that the RFC names for this fault (RFC 6455 7.4.1): 1002, 1003, 1007, 1008, 1009 or 1010. */
  readonly closeCode: number;

  constructor(message: string, details: ErrorDetails & { readonly closeCode: number }) {
    super(message, details);
    this.closeCode = details.closeCode;
  }
}

/** A call came in a state that does not allow it, such as a message after the Close frame. */
export class InvalidStateError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.InvalidStateError");

  static {
    brandInstances(this, "InvalidStateError");
  }

  /** The state in which the call came. */
  readonly state: string;

  constructor(message: string, state: string) {
    super(message, { code: "INVALID_STATE" });
    this.state = state;
  }
}

/** A header field in the order and spelling in which it came or goes. */
export type HeaderField = readonly [name: string, value: string];

/** What is known of the answer that was not a valid 101. */
export interface HandshakeErrorDetails extends ErrorDetails {
  readonly statusCode?: number | undefined;
  readonly headers?: readonly HeaderField[];
  readonly body?: Uint8Array;
}

/** The opening handshake did not end in a valid 101 (RFC 6455 4.1, 4.2). */
export class HandshakeError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.HandshakeError");

  static {
    brandInstances(this, "HandshakeError");
  }

  /** The HTTP status of the answer; `undefined` where no status line was understood. */
  readonly statusCode: number | undefined;
  /** The header fields of the answer, in their order, with their repeats. */
  readonly headers: readonly HeaderField[];
  /** At most the first 64 KiB of the body of the answer; empty where it has none. */
  readonly body: Buffer;

  constructor(message: string, details: HandshakeErrorDetails) {
    super(message, details);
    this.statusCode = details.statusCode;
    this.headers = details.headers ?? [];
    const body = details.body ?? new Uint8Array(0);
    this.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }
}

/** Called once by each class of errors: puts its name and its brand on what it makes. */
export function brandInstances(
  type: { readonly brand: symbol; readonly prototype: Error },
  name: string,
): void {
  Object.defineProperty(type.prototype, "name", { value: name, configurable: true, writable: true });
  Object.defineProperty(type.prototype, type.brand, { value: true });
}
