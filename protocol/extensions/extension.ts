import type { Resources } from "../resources.js";
import type { InflatedSink } from "./permessage-deflate/codec.js";

/** One parameter of an extension: `client_max_window_bits=10` is `["client_max_window_bits", "10"]`; without a value `true`. */
export type ExtensionParameter = readonly [name: string, value: string | true];

/** One element of a Sec-WebSocket-Extensions header (RFC 6455 9.1). */
export interface ExtensionElement {
  readonly name: string;
  readonly parameters: readonly ExtensionParameter[];
}

/**
 * An extension at work on one connection: it claims RSV1 of the first frame of a message (RFC 7692 6).
 * This is the whole port: what fills it sees messages, never frames.
 */
export interface MessageExtension {
  /** The element as both ends agreed on it, e.g. `permessage-deflate; server_no_context_takeover`. */
  readonly header: string;
  /**
   * The most bytes that a message of `size` bytes may take on the wire, whatever encoder the peer uses. It bounds the
   * memory of a message before it is decoded; the exact check of the size is that of {@link decode}.
   */
  maxEncodedSize(size: number): number;
  /** The bytes behind a message that came with RSV1; as `Inflater.inflate`. */
  decode(payload: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** As `Inflater.inflatePieces`. An extension that lacks it is given the pieces joined. */
  decodePieces?(
    payload: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer;
  /** The bytes to send with RSV1; valid until the next call. */
  encode(payload: Uint8Array): Uint8Array;
  /**
   * The last of what was encoded will not reach the peer: what is encoded from now on refers to nothing before it,
   * so that the peer can read it all the same.
   */
  restartEncoding(): void;
  /**
   * To be called now and then: a direction in which no message has gone since the last call gives back the memory that
   * its next message can do without or have made again.
   */
  releaseUnused(): void;
  /** Gives back what it holds; may be called twice. */
  close(): void;
}

/** What the handshake agreed on, before any connection works with it. */
export interface AgreedExtension {
  readonly header: string;
  open(resources: Resources): MessageExtension;
}

/** The client's half of the negotiation. */
export interface ExtensionOffer {
  readonly name: string;
  /** The element to send, e.g. `permessage-deflate; client_max_window_bits`. */
  readonly header: string;
  /**
   * Checks the server's answer against the offer.
   * @throws HandshakeError (code `EXTENSION_MISMATCH`) where the answer is not one that the offer allows.
   */
  agree(parameters: readonly ExtensionParameter[]): AgreedExtension;
}

/** The server's half of the negotiation. */
export interface ExtensionAcceptor {
  readonly name: string;
  /** Answers one offered element, or declines it with `undefined`. Never throws. */
  accept(parameters: readonly ExtensionParameter[]): AgreedExtension | undefined;
}
