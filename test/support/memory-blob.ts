// A Blob for tests that check for leaked resources.

/**
 * A Blob whose content is read from memory one event loop turn later. Node's own Blob leaves its reader to the
 * garbage collector, which a test for leaked resources would report.
 */
export class MemoryBlob extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(content: string | Uint8Array = "") {
    const bytes = Uint8Array.from(typeof content === "string" ? Buffer.from(content) : content);
    super([bytes]);
    this.#bytes = bytes;
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise((resolve) => setImmediate(() => resolve(this.#bytes.slice().buffer)));
  }
}
