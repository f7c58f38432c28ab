// Creates the outbox entry of a message, and finds the message of a returned entry. It does not store entries.
import { OutboxEntry } from "../../buffer/outbox-entry.js";
import { overheadOf, ownCopyOf } from "../../connection/message-memory.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import { PendingMessage, type Sendable, sizeOf } from "../../connection/pending-message.js";
import type { MessageOptions } from "../../options/options.js";

/** The content of an outbox entry. */
export interface OutboxPayload {
  /**
   * The content of the message. While a connection writes the bytes of the message without a copy, this property is
   * `undefined`. If the connection ends before the bytes are written, the connection returns the bytes, and this
   * property is set again.
   */
  data: Sendable | undefined;
  readonly compress: boolean | undefined;
}

export type Entry = OutboxEntry<OutboxPayload>;

/** @param isWritten - `true` if the caller writes the message immediately. The entry then needs no copy of bytes. */
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

/** The token of an application ping. An unsent ping is neither sent again nor reported as dropped. */
export const ownPing: object = Object.freeze({});

/** Returns `false` for an application ping. */
export function isMessage({ token }: UnsentMessage): boolean {
  return token !== ownPing;
}

/** Returns the message in the form that the user passed: a string, bytes or a Blob. */
export function sourceOf(data: Sendable | undefined): unknown {
  return data instanceof PendingMessage ? data.source : data;
}
