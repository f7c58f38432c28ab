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
import type { SendEvents, SendMarks } from "./send-queue.js";

export interface ConnectionSettings extends SendMarks {
  readonly closeTimeout: number;
  readonly messageTimeout: number;
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  readonly compressionThreshold: number;
  readonly autoPong: boolean;
}

/** What an open connection tells. */
export interface LiveHandler extends SendEvents {
  onMessage(data: string | Buffer, size: number): void;
  /** Messages may be lent; asked for each read. */
  readonly isLending: boolean;
  /** As `ProtocolHandler.onBorrowed`. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  /** The first Close frame goes or has come. */
  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  onRefused(error: unknown): void;
  /**
   * The stream is gone, and earlier pauses do not count any more.
   *
   * @returns `true` if messages that a pause has kept stay undecoded until `resumeLeftover()`; `false` if they are delivered now.
   */
  onLastMessages(): boolean;
  /** A message that was kept undecoded beyond the end is wrong: the ones after it are lost. */
  onLeftoverFailed(error: ProtocolError): void;
  /** The socket is gone. Once, and the last call; `settle()` of the connection is to be called in answer. */
  onEnd(end: ConnectionEnd): void;
}

export interface LiveContext {
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly resources: Resources;
  readonly extension: AgreedExtension | undefined;
  readonly settings: ConnectionSettings;
  readonly handler: LiveHandler;
  /** Is shown every frame. */
  readonly observer?: FrameObserver | undefined;
}
