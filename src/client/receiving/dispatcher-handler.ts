import type { JetSocketError } from "../../errors.js";
import type { DroppedEvent } from "../../events/event-map.js";

/** What the one who brings messages to their readers tells. */
export interface DispatcherHandler {
  /** Messages that came before the end are not decoded yet: readers are given them before the end. */
  readonly hasLeftover?: boolean;
  onPaused(): void;
  onResumed(): void;
  /** The inbox is full, and its owner wants an end rather than a loss. */
  onInboxFull(): void;
  onDropped(event: DroppedEvent): void;
  onError(error: Error): void;
  /** The deserializer threw on a message, which is dropped. */
  onUndecodable(message: string | Buffer, error: JetSocketError): void;
  /** A message has waited so many milliseconds for its reader. */
  onConsumed(waited: number): void;
  /** So many more calls wait for a message on a client that was never begun; fewer, where it is negative. */
  onIdleWait(change: number): void;
}
