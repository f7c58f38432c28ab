// The types of values that can be sent as one message.

/** A message whose content must be read asynchronously, such as a Blob. */
export class PendingMessage {
  readonly source: object;
  /** In bytes. */
  readonly size: number;
  readonly read: () => Promise<string | Uint8Array>;

  constructor(source: object, size: number, read: () => Promise<string | Uint8Array>) {
    this.source = source;
    this.size = size;
    this.read = read;
  }
}

/** What can be sent as one message. */
export type Sendable = string | Uint8Array | PendingMessage;
