import type { DroppedEvent } from "../events/event-map.js";

/** What the one who brings messages to their readers tells. */
export interface ReceiverHandler {
  onPaused(): void;
  onResumed(): void;
  /** The inbox is full, and its owner wants an end rather than a loss. */
  onInboxFull(): void;
  onDropped(event: DroppedEvent): void;
  onError(error: Error): void;
  /** A message has waited so many milliseconds for its reader. */
  onConsumed(waited: number): void;
  /** So many more calls wait for a message on a client that was never begun; fewer, where it is negative. */
  onIdleWait(change: number): void;
}
