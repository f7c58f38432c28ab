/** A message whose content is still to be read, such as that of a Blob. */
export class PendingMessage {
  readonly source: object;
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
