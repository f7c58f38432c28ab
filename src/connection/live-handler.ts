// The interface between an open connection and its user: settings, context and events.
import type {
  AgreedExtension,
  CloseFrame,
  FrameObserver,
  ProtocolError,
  Resources,
} from "../../protocol/index.js";
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
  /** True if borrowed views of messages may be delivered. Read before each chunk of input. */
  readonly isLending: boolean;
  /** See `ProtocolHandler.onBorrowed`. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  /** The first Close frame is sent or has arrived. */
  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  /** A call was refused or cancelled; its promise rejects with the same error. */
  onRefused(error: unknown): void;
  /**
   * The stream is closed, and earlier pauses no longer apply.
   *
   * @returns `true` if buffered messages stay undecoded until `resumeLeftover()`; `false` if they are delivered now.
   */
  onLastMessages(): boolean;
  /** A message that was decoded after the end of the stream is invalid. The messages after it are lost. */
  onLeftoverFailed(error: ProtocolError): void;
  /** The stream is closed. This is the last call. The handler must call `settle()` of the connection in return. */
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
  /** Notified of every frame. */
  readonly observer?: FrameObserver | undefined;
}
