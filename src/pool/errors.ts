/** The error classes of a pool. This module does not choose the texts of errors. */
import { brandInstances } from "../channels/brand-instances.js";
import { InvalidStateError, JetSocketError, TimeoutError } from "../index.js";

/**
 * A pool failed to do something. The code is one of the following:
 *
 * - `"ENDPOINTS_FAILED"`: no endpoint accepted a connection; `errors` has the error of each endpoint, in order.
 * - `"POOL_FUNCTION_FAILED"`: `validate` or `reset` threw an error, returned an invalid value or took longer than
 *   `hookTimeout`. The connection was closed.
 * - `"LATE_MESSAGE"`: a message arrived on a connection that nobody had leased. The connection was closed.
 * - `"CONNECTION_ENDED"`: the connection of a lease was closed without an error.
 */
export class PoolError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.PoolError");

  static {
    brandInstances(this, "PoolError");
  }

  /** The errors of the endpoints; empty with other codes. */
  readonly errors: readonly Error[];

  constructor(
    message: string,
    details: { readonly code: string; readonly cause?: unknown; readonly errors?: readonly Error[] },
  ) {
    super(message, details);
    this.errors = details.errors ?? [];
  }
}

/** No connection became available within `acquireTimeout`. */
export class PoolExhaustedError extends TimeoutError {
  static override readonly brand: symbol = Symbol.for("jetsocket.PoolExhaustedError");

  static {
    brandInstances(this, "PoolExhaustedError");
  }
}

/** The pool is closed or closes. */
export class PoolClosedError extends InvalidStateError {
  static override readonly brand: symbol = Symbol.for("jetsocket.PoolClosedError");

  static {
    brandInstances(this, "PoolClosedError");
  }
}
