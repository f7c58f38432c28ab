// The types of an open connection: its settings, its dependencies and the handler of its events. This module contains
// types only.
import type { AgreedExtension, CloseFrame, FrameObserver, Resources } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";
import type { ConnectionEnd } from "./connection-end.js";
import type { ConnectionInput } from "./connection-input.js";
import type { SendEvents, SendMarks } from "./send-queue.js";

/** Times in milliseconds, sizes in bytes. */
export interface ConnectionSettings extends SendMarks {
  readonly closeTimeout: number;
  readonly messageTimeout: number;
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  readonly maxFragments: number;
  /** Pings and pongs per second. */
  readonly maxControlRate: number;
  readonly compressionThreshold: number;
  readonly autoPong: boolean;
}

/** Receives the events of an open connection. */
export interface LiveHandler extends SendEvents {
  onMessage(data: string | Buffer, size: number): void;
  /** True if messages may be passed to {@link onBorrowed}. It is read before each chunk of input. */
  readonly isLending: boolean;
  /** See `ProtocolHandler.onBorrowed`. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  /** The peer has violated the protocol. The connection fails after this call, and messages can still be sent. */
  onFailing?(): void;
  /** The first Close frame is sent or has arrived. */
  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  /**
   * Reports an error that does not end the connection. There are two such errors:
   *
   * - A call was refused or cancelled. The promise of the call rejects with the same error.
   * - The end of the connection was reported, and a message that was decoded after that is invalid.
   */
  onError(error: unknown): void;
  /**
   * The stream is closed, and earlier pauses no longer apply.
   *
   * @returns `true` to keep buffered messages until `resumeLeftover()` is called; `false` to receive these messages
   *   now.
   */
  onLastMessages(): boolean;
  /** The connection has ended. This is the last call. The handler must then call `settle()` of the connection. */
  onEnd(end: ConnectionEnd): void;
}

export interface LiveContext {
  readonly transport: Transport;
  readonly input: ConnectionInput;
  readonly runtime: Runtime;
  readonly resources: Resources;
  readonly extension: AgreedExtension | undefined;
  readonly settings: ConnectionSettings;
  readonly handler: LiveHandler;
  /** Called with every frame. */
  readonly observer?: FrameObserver | undefined;
}
