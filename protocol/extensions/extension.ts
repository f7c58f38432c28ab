// The types of an extension: its negotiation in the handshake and its use on a connection. This module implements no
// extension.
import type { Resources } from "../resources.js";
import type { InflatedSink } from "./permessage-deflate/codec.js";

/**
 * One parameter of an extension. `client_max_window_bits=10` is represented by `["client_max_window_bits", "10"]`. The
 * value `true` represents a parameter without a value.
 */
export type ExtensionParameter = readonly [name: string, value: string | true];

/** One element of a Sec-WebSocket-Extensions header (RFC 6455 9.1). */
export interface ExtensionElement {
  readonly name: string;
  readonly parameters: readonly ExtensionParameter[];
}

/**
 * An extension in use on one connection. If the extension has encoded a message, the RSV1 bit is set in the first frame
 * of the message (RFC 7692 6). An extension processes whole messages, not frames.
 */
export interface MessageExtension {
  /** The negotiated element, for example `permessage-deflate; server_no_context_takeover`. */
  readonly header: string;
  /**
   * Returns the maximum size in bytes of the encoded form of a message of `size` bytes. The result must be valid for
   * all encoders. A received message is refused before it is decoded if its encoded form exceeds the result for the
   * maximum message size. {@link decode} checks the exact size of the decoded message.
   */
  maxEncodedSize(size: number): number;
  /** Decodes a message that was received with RSV1. The parameters and errors are those of `Inflater.inflate`. */
  decode(payload: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** Decodes a message in pieces, like `Inflater.inflatePieces`. Without this method, the caller joins the pieces. */
  decodePieces?(pieces: readonly Uint8Array[], maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** Encodes a message. Returns the bytes to send with RSV1, which are valid until the next call. */
  encode(payload: Uint8Array): Uint8Array;
  /**
   * Call this if the last encoded message is not sent. The encoder then forgets all earlier messages, so the peer can
   * decode the next message without the unsent message.
   */
  restartEncoding(): void;
  /**
   * Call this periodically. Frees the memory of each direction (sending and receiving) that had no message since the
   * last call. The next message allocates the memory again.
   */
  releaseUnused(): void;
  /** Frees all memory. Further calls have no effect. */
  close(): void;
}

/** An extension that was negotiated and is not used by a connection yet. */
export interface AgreedExtension {
  readonly header: string;
  open(resources: Resources): MessageExtension;
}

/** The client's side of the negotiation of an extension. */
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

/** The server's side of the negotiation of an extension. */
export interface ExtensionAcceptor {
  readonly name: string;
  /** Answers one element that a client offers, or returns `undefined` to decline the element. It does not throw. */
  accept(parameters: readonly ExtensionParameter[]): AgreedExtension | undefined;
}
