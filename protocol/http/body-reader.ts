import type { HeaderField } from "../errors.js";
import { PayloadBuffer } from "../payload-buffer.js";
import { ChunkedDecoder } from "./chunked-decoder.js";
import { fieldValues, joinedField } from "./header-fields.js";
import { parseTokenList } from "./header-values.js";

/** How the end of a body is told: by its size, which is `Infinity` where only the end of the stream tells, or by chunks. */
export type BodyFraming = number | "chunked";

/** How the body of a response ends (RFC 9112 6.3). */
export function bodyFraming(statusCode: number, headers: readonly HeaderField[]): BodyFraming {
  if (statusCode === 204 || statusCode === 304) return 0;
  const codings = joinedField(headers, "transfer-encoding");
  if (codings !== undefined) {
    return parseTokenList(codings)?.at(-1)?.toLowerCase() === "chunked" ? "chunked" : Infinity;
  }
  const [length, ...others] = new Set(fieldValues(headers, "content-length"));
  return length !== undefined && others.length === 0 && /^\d+$/.test(length) ? Number(length) : Infinity;
}

/** Gathers the first bytes of a body, at any split of the input. */
export class BodyReader {
  readonly #body: PayloadBuffer = new PayloadBuffer();
  readonly #chunks: ChunkedDecoder | undefined;
  /** How much is wanted yet. */
  #remaining: number;

  /** @param maxSize - The reader is complete when it holds this many bytes. */
  constructor(framing: BodyFraming, maxSize: number) {
    if (framing === "chunked")
      this.#chunks = new ChunkedDecoder((bytes, start, end) => this.#take(bytes, start, end));
    this.#remaining = framing === "chunked" ? maxSize : Math.min(framing, maxSize);
  }

  get isComplete(): boolean {
    return this.#remaining === 0 || this.#chunks?.isDone === true;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#chunks === undefined) this.#take(bytes, start, end);
    else this.#chunks.receive(bytes, start, end);
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    const size = Math.min(end - start, this.#remaining);
    this.#body.append(bytes, start, start + size);
    this.#remaining -= size;
  }

  /** What has come of the body, in a buffer of its own. To be called once, at the end. */
  takeBody(): Buffer {
    return this.#body.take();
  }
}
