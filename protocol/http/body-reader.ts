// Reads the body of an HTTP response up to a size limit. This module does not decompress the body.
import type { HeaderField } from "../errors.js";
import { PayloadBuffer } from "../payload-buffer.js";
import { ChunkedDecoder } from "./chunked-decoder.js";
import { fieldValues, joinedField } from "./header-fields.js";
import { parseTokenList } from "./header-values.js";

/**
 * Where a body ends: after this number of bytes, at the end of the stream (`Infinity`), or after the last chunk
 * (`"chunked"`).
 */
export type BodyFraming = number | "chunked";

/** Returns the framing of a response's body (RFC 9112 6.3). */
export function bodyFraming(statusCode: number, headers: readonly HeaderField[]): BodyFraming {
  if (statusCode === 204 || statusCode === 304) return 0;
  const codings = joinedField(headers, "transfer-encoding");
  if (codings !== undefined) {
    return parseTokenList(codings)?.at(-1)?.toLowerCase() === "chunked" ? "chunked" : Infinity;
  }
  const [length, ...others] = new Set(fieldValues(headers, "content-length"));
  return length !== undefined && others.length === 0 && /^\d+$/.test(length) ? Number(length) : Infinity;
}

/** Collects the first bytes of a body, received in pieces of any size. */
export class BodyReader {
  readonly #body: PayloadBuffer = new PayloadBuffer();
  readonly #chunks: ChunkedDecoder | undefined;
  /** Number of bytes of the body that the reader still accepts. */
  #remaining: number;

  /** @param maxSize - Largest number of bytes to read. The reader is complete after these bytes. */
  constructor(framing: BodyFraming, maxSize: number) {
    if (framing === "chunked")
      this.#chunks = new ChunkedDecoder((bytes, start, end) => this.#append(bytes, start, end));
    this.#remaining = framing === "chunked" ? maxSize : Math.min(framing, maxSize);
  }

  get isComplete(): boolean {
    return this.#remaining === 0 || this.#chunks?.isDone === true;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#chunks === undefined) this.#append(bytes, start, end);
    else this.#chunks.receive(bytes, start, end);
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const size = Math.min(end - start, this.#remaining);
    this.#body.append(bytes, start, start + size);
    this.#remaining -= size;
  }

  /** Returns a copy of the received part of the body. Call this only once, at the end. */
  takeBody(): Buffer {
    return this.#body.take();
  }
}
