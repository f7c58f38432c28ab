/** The error classes of channels and requests. This module does not choose the codes and texts of errors. */
import { type CloseReport, JetSocketError } from "../index.js";
import { brandInstances } from "./brand-instances.js";

/**
 * A channel failed. The code is one of the following:
 *
 * - `"REFUSED"`: the server refused the channel; `reason` is what the server said.
 * - `"ACK_TIMEOUT"`: the server did not acknowledge the channel within `ackTimeout`.
 * - `"CHANNEL_FUNCTION_FAILED"`: a function of the options threw an error, or returned an invalid value.
 * - `"NO_HOOK"`: the client does not call `feed.onConnection`.
 * - `"INCOMPLETE"`: a rotation continues, although channels are not acknowledged on the new connection.
 * - `"CONNECT_FAILED"`: `shards.connect` failed; `cause` is its error.
 * - `"CLIENT_ENDED"`: the client has ended; `cause` is its error.
 * - `"CLOSED"`: the channel or the feed was closed.
 */
export class ChannelError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.ChannelError");

  static {
    brandInstances(this, "ChannelError");
  }

  /** The name of the channel; `undefined` if the error does not concern a single channel. */
  readonly channel: string | undefined;
  /** What `isAck` returned as `refused`. */
  readonly reason: unknown;

  constructor(
    message: string,
    details: {
      readonly code: string;
      readonly cause?: unknown;
      readonly channel?: string | undefined;
      readonly reason?: unknown;
    },
  ) {
    super(message, details);
    this.channel = details.channel;
    this.reason = details.reason;
  }
}

/**
 * A request failed. The code is one of the following:
 *
 * - `"NOT_CONNECTED"`: there is no connection, and the request has not the option `retry`, or the client is closed or has
 *   no hook.
 * - `"CONNECTION_ENDED"`: the connection ended before the answer arrived. `report` describes the end.
 * - `"DUPLICATE_ID"`: another request with this id is pending, or its answer may still arrive.
 * - `"REQUEST_FUNCTION_FAILED"`: `matches` threw an error, or returned an invalid value.
 * - `"CLOSED"`: the feed was closed.
 */
export class RequestError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.RequestError");

  static {
    brandInstances(this, "RequestError");
  }
}

/** Returns the report of a connection that has ended. */
export function reportOf({ reason }: AbortSignal): CloseReport | undefined {
  const given: unknown = reason;
  return given instanceof Error && "report" in given ? (given.report as CloseReport) : undefined;
}
