// The error classes of this package. Their `instanceof` check also accepts errors of another copy of the package.
import {
  type HeaderField,
  maskBody,
  type MaskedBody,
  type MaskedFields,
  maskFields,
} from "./display/masked.js";
import { ownOptions } from "./own-options.js";

export type { HeaderField };

/** The properties from which each error of this package is constructed. */
export interface ErrorDetails {
  /** A stable identifier for programs, such as `"INVALID_UTF8"`. Error messages can change, but codes do not. */
  readonly code: string;
  /** The error that caused this error, if any. */
  readonly cause?: unknown;
}

/** Properties of a `CloseReport`. If an error ended a connection, the client adds the report to the error. */
export interface ErrorReport {
  readonly verdict: string;
  readonly advice: string;
  readonly isRetryable: boolean;
  readonly phase: string;
  readonly url: string;
}

/**
 * Base class of all errors of this package.
 *
 * `instanceof` checks a brand instead of the class. An error of another copy of the package therefore matches, too. A
 * process has two copies, for example, if it loads both the ES modules and the CommonJS build.
 */
export class JetSocketError extends Error {
  static readonly brand: symbol = brandInstances(this, "JetSocketError");

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A subclass that an application defines has no brand of its own. For such a subclass, the usual `instanceof` check
    // applies.
    if (!Object.hasOwn(this, "brand")) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && this.brand in value;
  }

  /** A stable identifier for programs, such as `"INVALID_UTF8"`. */
  readonly code: string;
  /**
   * The `CloseReport` of the connection that this error ended. The client sets this property. The property is absent if
   * the error did not end a connection, or if the protocol layer is used without the client.
   */
  declare report?: ErrorReport;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
  }
}

/** The peer violated RFC 6455 or RFC 7692, or it exceeded a limit. The connection fails with {@link closeCode}. */
export class ProtocolError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "ProtocolError");

  /** The close code for this error (RFC 6455 7.4.1): 1002, 1003, 1007, 1008, 1009 or 1010. */
  readonly closeCode: number;

  constructor(message: string, details: ErrorDetails & { readonly closeCode: number }) {
    super(message, details);
    this.closeCode = details.closeCode;
  }
}

/** A method was called in a state that does not allow the call. Example: sending a message after the Close frame. */
export class InvalidStateError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "InvalidStateError");

  /** The state in which the method was called. */
  readonly state: string;

  constructor(message: string, state: string) {
    super(message, { code: "INVALID_STATE" });
    this.state = state;
  }
}

/** The properties from which a HandshakeError is constructed. */
export interface HandshakeErrorDetails extends ErrorDetails {
  readonly statusCode?: number | undefined;
  readonly headers?: readonly HeaderField[];
  readonly body?: Uint8Array;
}

/** The opening handshake did not end with a valid 101 response (RFC 6455 4.1, 4.2). */
export class HandshakeError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "HandshakeError");

  /** The HTTP status of the response. `undefined` if no valid status line was received. */
  readonly statusCode: number | undefined;
  /**
   * All header fields of the response, in order. A repeated field is listed as often as it was received. Values of
   * cookies, credentials and URLs are hidden; `headers.unmasked()` returns the received fields.
   */
  readonly headers: MaskedFields;
  /**
   * The first bytes of the response body, at most 64 KiB. Empty if the response has no body. Inspecting the body and
   * converting it to JSON show only its size; `body.toString()` returns its text.
   */
  readonly body: MaskedBody;

  constructor(message: string, details: HandshakeErrorDetails) {
    super(message, details);
    this.statusCode = details.statusCode;
    this.headers = maskFields(details.headers ?? []);
    this.body = maskBody(details.body ?? new Uint8Array(0));
  }
}

/** The facts of a failed handshake with a proxy. */
export interface ProxyErrorDetails extends ErrorDetails {
  readonly statusCode?: number | undefined;
  readonly headers?: readonly HeaderField[] | undefined;
  readonly socksCode?: number | undefined;
}

/**
 * A proxy could not be reached, or it opened no tunnel. The codes are `PROXY_UNREACHABLE`, `PROXY_REFUSED`,
 * `PROXY_AUTHENTICATION`, `PROXY_TLS`, `PROXY_MALFORMED`, `PROXY_EARLY_DATA` and `PROXY_CLOSED`.
 */
export class ProxyError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "ProxyError");

  /** The phase of an attempt in which these errors occur. */
  readonly phase = "proxy" as const;
  /** The HTTP status of an HTTP proxy that refused; otherwise `undefined`. */
  readonly statusCode: number | undefined;
  /** The header fields of that response. Values of cookies, credentials and URLs are hidden, see `unmasked()`. */
  readonly headers: MaskedFields;
  /** The reply of a SOCKS5 proxy that refused (RFC 1928 6); otherwise `undefined`. */
  readonly socksCode: number | undefined;

  constructor(message: string, details: ProxyErrorDetails) {
    super(message, details);
    this.statusCode = details.statusCode;
    this.headers = maskFields(details.headers ?? []);
    this.socksCode = details.socksCode;
  }
}

/** Sets the name and the brand of all instances of an error class, and returns the brand. */
export function brandInstances(type: { readonly prototype: Error }, name: string): symbol {
  const brand = Symbol.for(`jetsocket.${name}`);
  // The property descriptors have no prototype, so a `get` or `set` in Object.prototype has no effect.
  const nameProperty = ownOptions({ value: name, configurable: true, writable: true });
  Object.defineProperty(type.prototype, "name", nameProperty);
  Object.defineProperty(type.prototype, brand, ownOptions({ value: true }));
  return brand;
}
