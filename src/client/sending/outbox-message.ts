// Creates the outbox entry of a message, and finds the message that a returned entry belongs to.
import { OutboxEntry } from "../../buffer/outbox-entry.js";
import { overheadOf, ownCopyOf } from "../../connection/message-memory.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import { PendingMessage, type Sendable } from "../../connection/pending-message.js";
import type { MessageOptions } from "../../options/options.js";

/** The content of an outbox entry. */
export interface OutboxPayload {
  /** `undefined` for bytes that were passed to the connection directly. It is restored if they return unsent. */
  data: Sendable | undefined;
  readonly compress: boolean | undefined;
}

export type Entry = OutboxEntry<OutboxPayload>;

/** @param isWritten - The message is passed to the connection in this call, so the entry needs no copy of the bytes. */
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

/** The token of an application ping. An unsent ping is neither sent again nor reported as dropped. */
export const ownPing: object = Object.freeze({});

/** Returns `false` for an application ping. */
export function isMessage({ token }: UnsentMessage): boolean {
  return token !== ownPing;
}

/** Returns the message in the form in which the user sent it: the Blob itself instead of its pending content. */
export function sourceOf(data: Sendable | undefined): unknown {
  return data instanceof PendingMessage ? data.source : data;
}
