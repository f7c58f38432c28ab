// The callbacks of the dispatcher.
import type { JetSocketError } from "../../errors.js";
import type { DroppedEvent } from "../../events/event-map.js";

export interface DispatcherHandler {
  /** `true` if messages that arrived before the end are not decoded yet. Readers receive them before the end. */
  readonly hasLeftover?: boolean;
  onPaused(): void;
  onResumed(): void;
  /** The inbox is full and `buffer.overflow` is `"error"`: the connection must fail. */
  onInboxFull(): void;
  onDropped(event: DroppedEvent): void;
  onError(error: Error): void;
  /** The deserializer threw on a message. The message is dropped. */
  onUndecodable(message: string | Buffer, error: JetSocketError): void;
  /** A message was read after it waited in the inbox for `waited` milliseconds. */
  onConsumed(waited: number): void;
  /** The number of readers that wait on a client that was not connected yet has changed by `change`, 1 or -1. */
  onIdleWait(change: number): void;
}
