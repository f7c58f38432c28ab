// The types through which the handshake negotiates an extension and a connection uses it. This module does not contain
// an extension.
import type { Resources } from "../resources.js";
import type { InflatedSink } from "./permessage-deflate/codec.js";

/**
 * One parameter of an extension. `client_max_window_bits=10` becomes `["client_max_window_bits", "10"]`. A parameter
 * without a value has the value `true`.
 */
export type ExtensionParameter = readonly [name: string, value: string | true];

/** One element of a Sec-WebSocket-Extensions header (RFC 6455 9.1). */
export interface ExtensionElement {
  readonly name: string;
  readonly parameters: readonly ExtensionParameter[];
}

/**
 * An extension in use on one connection. It marks a message by the RSV1 bit of its first frame (RFC 7692 6).
 * An implementation processes whole messages and never sees frames.
 */
export interface MessageExtension {
  /** The negotiated element, for example `permessage-deflate; server_no_context_takeover`. */
  readonly header: string;
  /**
   * Returns the largest size in bytes that a message of `size` bytes can have on the wire, with any encoder of the
   * peer. It limits the memory used by a message before it is decoded. {@link decode} checks the exact size.
   */
  maxEncodedSize(size: number): number;
  /** Decodes a message that was received with RSV1. The parameters and errors are those of `Inflater.inflate`. */
  decode(payload: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** Like `Inflater.inflatePieces`. If an extension does not implement it, the caller joins the pieces. */
  decodePieces?(pieces: readonly Uint8Array[], maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** Returns the bytes to send with RSV1. They are valid until the next call. */
  encode(payload: Uint8Array): Uint8Array;
  /**
   * Call this when the last encoded message will not be sent. Later messages then do not refer to earlier ones, so the
   * peer can still decode them.
   */
  restartEncoding(): void;
  /**
   * Call this periodically. A direction that had no message since the last call frees the memory that it can allocate
   * again for its next message.
   */
  releaseUnused(): void;
  /** Frees all memory. Further calls have no effect. */
  close(): void;
}

/** The result of the negotiation, before a connection uses it. */
export interface AgreedExtension {
  readonly header: string;
  open(resources: Resources): MessageExtension;
}

/** The client's side of the negotiation. */
export interface ExtensionOffer {
  readonly name: string;
  /** The element to send, for example `permessage-deflate; client_max_window_bits`. */
  readonly header: string;
  /**
   * Checks the server's answer against the offer.
   * @throws HandshakeError (code `EXTENSION_MISMATCH`) if the offer does not allow the answer.
   */
  agree(parameters: readonly ExtensionParameter[]): AgreedExtension;
}

/** The server's side of the negotiation. */
export interface ExtensionAcceptor {
  readonly name: string;
  /** Answers one offered element, or returns `undefined` to decline it. It does not throw. */
  accept(parameters: readonly ExtensionParameter[]): AgreedExtension | undefined;
}
