// Receives the bytes of one stream. Passes these bytes first to the opening handshake, and later to the protocol. It
// does not parse bytes.
import type { ProtocolConnection, ProtocolError } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { TransportHandler, TransportPhase } from "../runtime/transport.js";
import { messageStalled } from "./failures.js";
import { MessageWatch } from "./message-watch.js";

/** The objects that receive the input of an open connection. */
export interface OpenInput {
  readonly protocol: ProtocolConnection;
  readonly runtime: Runtime;
  readonly messageTimeout: number;
  /** If `isLending` is true, messages may be delivered as borrowed views. It is read before each chunk of input. */
  readonly handler: { readonly isLending: boolean };
  /** `wake()` is called after each chunk of input, because the protocol may have output. */
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
 * Handles the events of a transport for its whole lifetime. {@link open} drops the reference to the opening handshake.
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

  /** The opening handshake is complete. All further bytes belong to the open connection. */
  open(open: OpenInput): void {
    this.#opening = undefined;
    this.#open = open;
    this.#lastReceivedAt = open.runtime.now();
  }

  /** The time at which the last bytes arrived. Before the first bytes, it is the time of {@link open}. */
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

  /** Fails the connection if an incomplete message makes no progress within `messageTimeout`. */
  watch(now: number): void {
    const { protocol, runtime, messageTimeout, connection } = this.#open!;
    if (connection.isPaused) return;
    this.#watch ??= new MessageWatch(protocol, runtime, messageTimeout, () =>
      connection.fail(messageStalled(messageTimeout)),
    );
    this.#watch.check(now);
  }

  /** Called when reading is paused or the connection is closed, because no message can make progress then. */
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
