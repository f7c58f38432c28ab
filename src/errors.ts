import { brandInstances, type ErrorDetails, JetSocketError } from "../protocol/index.js";
import type { CloseReport, Phase } from "./events/close-report.js";

export { HandshakeError, InvalidStateError, JetSocketError, ProtocolError } from "../protocol/index.js";

/** A connection could not be opened, or was lost without a Close frame. */
export class ConnectionError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.ConnectionError");

  static {
    brandInstances(this, "ConnectionError");
  }

  /** The end that this error has brought. */
  declare report?: CloseReport;

  /** How far the connection had come. */
  readonly phase: Phase;

  constructor(message: string, details: ErrorDetails & { readonly phase: Phase }) {
    super(message, details);
    this.phase = details.phase;
  }
}

/** The connection was closed by a closing handshake, or by us. */
export class CloseError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.CloseError");

  static {
    brandInstances(this, "CloseError");
  }

  declare report: CloseReport;

  constructor(message: string, report: CloseReport) {
    super(message, { code: "CLOSED" });
    this.report = report;
  }
}

/** Something took longer than its option allows. */
export class TimeoutError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.TimeoutError");

  static {
    brandInstances(this, "TimeoutError");
  }

  /** The end that this error has brought; absent where only a call took too long. */
  declare report?: CloseReport;

  /** The time that was allowed, in milliseconds. */
  readonly timeoutMs: number;
  /** What took too long, e.g. `"connect"` or `"recv"`. */
  readonly operation: string;

  constructor(message: string, details: { readonly timeoutMs: number; readonly operation: string }) {
    super(message, { code: "TIMEOUT" });
    this.timeoutMs = details.timeoutMs;
    this.operation = details.operation;
  }
}

/** A bound on what waits in memory is met. */
export class BufferOverflowError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.BufferOverflowError");

  static {
    brandInstances(this, "BufferOverflowError");
  }

  constructor(message: string) {
    super(message, { code: "BUFFER_OVERFLOW" });
  }
}
