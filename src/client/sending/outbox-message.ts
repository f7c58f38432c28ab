import { OutboxEntry } from "../../buffer/outbox-entry.js";
import { overheadOf, ownCopyOf } from "../../connection/message-memory.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import { PendingMessage, type Sendable } from "../../connection/pending-message.js";
import type { MessageOptions } from "../../connection/send-queue.js";

/** A message on its way. Bytes that went to the writer at the call are not kept here: they are read back where they return. */
export interface OutboxPayload {
  data: Sendable | undefined;
  readonly compress: boolean | undefined;
}

export type Entry = OutboxEntry<OutboxPayload>;

/** @param isWritten - The writer takes it within this call, and keeps nothing of the caller's bytes. */
export function entryOf(data: Sendable, options: MessageOptions | undefined, isWritten: boolean): Entry {
  const isBytes = data instanceof Uint8Array;
  const kept = isBytes ? (isWritten ? undefined : ownCopyOf(data)) : data;
  const size = sizeOf(data);
  return new OutboxEntry<OutboxPayload>(
    { data: kept, compress: options?.compress },
    size,
    overheadOf(data, size, options),
  );
}

function sizeOf(data: Sendable): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return data instanceof PendingMessage ? data.size : data.byteLength;
}

/** What a message of the heartbeat is known by: it is nobody's loss. */
export const ownPing: object = Object.freeze({});

export function isMessage({ token }: UnsentMessage): boolean {
  return token !== ownPing;
}

/** What its sender knows a message by. */
export function sourceOf(data: Sendable | undefined): unknown {
  return data instanceof PendingMessage ? data.source : data;
}
