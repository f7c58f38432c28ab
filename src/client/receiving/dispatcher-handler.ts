// The callbacks of the dispatcher. This module contains types only.
import type { JetSocketError } from "../../errors.js";
import type { DroppedEvent } from "../../events/event-map.js";

export interface DispatcherHandler {
  /** `true` while an ended connection has undecoded messages. Readers receive those messages before the end. */
  readonly hasLeftover?: boolean;
  onPaused(): void;
  onResumed(): void;
  /** The connection must fail: the inbox is full, and `buffer.overflow` is `"error"`. */
  onInboxFull(): void;
  onDropped(event: DroppedEvent): void;
  onError(error: Error): void;
  /** The deserializer threw an error for a message. The message is dropped. */
  onUndecodable(message: string | Buffer, error: JetSocketError): void;
  /** A message was read from the inbox. @param waited - Milliseconds for which the message was in the inbox. */
  onConsumed(waited: number): void;
  /**
   * Called before the client first connects.
   * @param change - 1 if a waiting reader was added, -1 if a waiting reader was removed.
   */
  onIdleWait(change: number): void;
}
