// The receiving side of one stream. Passes its bytes to the opening handshake, then to the protocol. It does not parse
// bytes.
import type { ProtocolConnection, ProtocolError } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { TransportHandler, TransportPhase } from "../runtime/transport.js";
import { messageStalled } from "./failures.js";
import { MessageWatch } from "./message-watch.js";

/** What the input needs to serve an open connection. */
export interface OpenInput {
  readonly protocol: ProtocolConnection;
  readonly runtime: Runtime;
  readonly messageTimeout: number;
  /** `isLending` is `true` if borrowed views of messages may be delivered. It is read before each chunk of input. */
  readonly handler: { readonly isLending: boolean };
  /** Called after each chunk of input, because the protocol may have output. */
  readonly writer: { wake(): void };
  readonly connection: {
    readonly isPaused: boolean;
    fail(error: ProtocolError): void;
    /** The peer has ended its side of the stream. */
    streamEnded(): void;
    streamClosed(error: Error | undefined): void;
  };
}

/**
 * Handles the transport of one connection for its whole lifetime. After {@link open} it keeps no reference to the
 * opening handshake.
 */
export class ConnectionInput implements TransportHandler {
  #opening: TransportHandler | undefined;
  #open: OpenInput | undefined;
  #lastReceivedAt = 0;
  #bytesReceived = 0;
  /** Created by the first message that arrives in more than one read. */
  #watch: MessageWatch | undefined;

  /** @param opening - Handles the stream until {@link open} is called. */
  constructor(opening: TransportHandler) {
    this.#opening = opening;
  }

  /** The opening handshake is complete: all further bytes belong to the connection. */
  open(open: OpenInput): void {
    this.#opening = undefined;
    this.#open = open;
    this.#lastReceivedAt = open.runtime.now();
  }

  /** When bytes last arrived; before the first ones, when the connection was opened. */
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }

  /** Number of bytes that the open connection has received. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  onPhase(phase: TransportPhase): void {
    this.#opening?.onPhase(phase);
  }

  onOpen(): void {
    this.#opening?.onOpen();
  }

  onData(bytes: Buffer, length: number): void {
    if (this.#open === undefined) this.#opening!.onData(bytes, length);
    else this.receive(bytes, 0, length);
  }

  /** Passes bytes to the protocol of the open connection. */
  receive(bytes: Buffer, start: number, end: number): void {
    const { protocol, runtime, handler, writer } = this.#open!;
    const now = runtime.now();
    this.#lastReceivedAt = now;
    this.#bytesReceived += end - start;
    protocol.isLending = handler.isLending;
    protocol.input.receive(bytes, start, end);
    if (this.#watch !== undefined || protocol.isInsideMessage) this.watch(now);
    writer.wake();
  }

  /** Fails the connection if the message that is incomplete now makes no progress within `messageTimeout`. */
  watch(now: number): void {
    const { protocol, runtime, messageTimeout, connection } = this.#open!;
    if (connection.isPaused) return;
    this.#watch ??= new MessageWatch(protocol, runtime, messageTimeout, () =>
      connection.fail(messageStalled(messageTimeout)),
    );
    this.#watch.check(now);
  }

  /** Reading is paused, or the connection is closed: an incomplete message is not expected to make progress. */
  stopWatch(): void {
    this.#watch?.stop();
  }

  onEnd(): void {
    if (this.#open === undefined) this.#opening!.onEnd();
    else this.#open.connection.streamEnded();
  }

  onClose(error: Error | undefined): void {
    if (this.#open === undefined) this.#opening!.onClose(error);
    else this.#open.connection.streamClosed(error);
  }
}
