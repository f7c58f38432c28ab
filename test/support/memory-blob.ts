/**
 * A Blob that is read a turn later, from memory. Node's own leaves its reader to the garbage collector,
 * which a search for what is left behind takes for a leak.
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
