// The types of values that can be sent as one message, and their sizes. It does not send messages.

/** A message whose content must be read asynchronously, such as a Blob. */
export class PendingMessage {
  readonly source: object;
  /** The size in bytes. */
  readonly size: number;
  readonly read: () => Promise<string | Uint8Array>;

  constructor(source: object, size: number, read: () => Promise<string | Uint8Array>) {
    this.source = source;
    this.size = size;
    this.read = read;
  }
}

/** A value that can be sent as one message. */
export type Sendable = string | Uint8Array | PendingMessage;

/** Returns the size of a message in bytes, before compression. */
export function sizeOf(data: Sendable): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return data instanceof PendingMessage ? data.size : data.byteLength;
}
