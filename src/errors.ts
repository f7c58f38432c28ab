/**
 * The error classes of the client. The error classes of the protocol are exported too. This module does not choose the
 * codes and texts of errors.
 */
import { brandInstances, type ErrorDetails, JetSocketError, ownOptions } from "../protocol/index.js";
import type { CloseReport, Phase } from "./events/close-report.js";
import type { SchemaIssue } from "./events/schema-issue.js";

export {
  HandshakeError,
  InvalidStateError,
  JetSocketError,
  ProtocolError,
  ProxyError,
} from "../protocol/index.js";

/** A connection could not be opened, or it was lost without a Close frame. */
export class ConnectionError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "ConnectionError");

  /** Describes the connection or attempt that ended with this error. */
  declare report?: CloseReport;

  /** The phase that the connection had reached. */
  readonly phase: Phase;

  constructor(message: string, details: ErrorDetails & { readonly phase: Phase }) {
    super(message, details);
    this.phase = details.phase;
  }
}

/** The connection was closed by a closing handshake, or by this client. */
export class CloseError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "CloseError");

  /** Describes the connection that was closed. */
  declare report: CloseReport;

  constructor(message: string, report: CloseReport) {
    super(message, { code: "CLOSED" });
    this.report = report;
  }
}

/** Something took longer than its option allows. */
export class TimeoutError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "TimeoutError");

  /**
   * Describes the connection or attempt that ended with this error. The property is absent if only a call reached its
   * time limit, so that neither a connection nor an attempt ended.
   */
  declare report?: CloseReport;

  /** The time limit in milliseconds. */
  readonly timeoutMs: number;
  /** The operation that took too long, for example `"connect"` or `"recv"`. */
  readonly operation: string;

  constructor(message: string, details: { readonly timeoutMs: number; readonly operation: string }) {
    super(message, { code: "TIMEOUT" });
    this.timeoutMs = details.timeoutMs;
    this.operation = details.operation;
  }
}

/** A limit on buffered messages or bytes was reached. */
export class BufferOverflowError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "BufferOverflowError");

  constructor(message: string) {
    super(message, { code: "BUFFER_OVERFLOW" });
  }
}

/**
 * A received message does not match the option `schema` (code `VALIDATION_FAILED`), or the schema itself failed (code
 * `SCHEMA_FUNCTION_FAILED`).
 */
export class ValidationError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.ValidationError");

  static {
    brandInstances(this, "ValidationError");
  }

  /**
   * What the schema found. Empty if the schema itself failed. The texts may contain parts of the message, so the property
   * is not printed with the error.
   */
  declare readonly issues: readonly SchemaIssue[];

  constructor(message: string, details: ErrorDetails & { readonly issues: readonly SchemaIssue[] }) {
    super(message, details);
    Object.defineProperty(this, "issues", ownOptions({ value: details.issues }));
  }
}
