// Decodes the chunked transfer coding (RFC 9112 7.1). This module does not report invalid data: the body ends before
// the invalid data.

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

type State = "size" | "extension" | "size-end" | "data" | "data-end" | "data-line-feed" | "done";

/** Decodes a body with the chunked coding, received in pieces of any size. */
export class ChunkedDecoder {
  readonly #onData: (bytes: Uint8Array, start: number, end: number) => void;
  #state: State = "size";
  #size = 0;
  #hasDigit = false;

  /** @param onData - Called with each piece of data. The bytes are valid only during the call. */
  constructor(onData: (bytes: Uint8Array, start: number, end: number) => void) {
    this.#onData = onData;
  }

  /** `true` after the last chunk. Also `true` after invalid data, because the rest of the body cannot be decoded. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    let index = start;
    while (index < end && this.#state !== "done") {
      if (this.#state === "data") {
        const pieceEnd = Math.min(end, index + this.#size);
        this.#onData(bytes, index, pieceEnd);
        this.#size -= pieceEnd - index;
        index = pieceEnd;
        if (this.#size === 0) this.#state = "data-end";
      } else {
        this.#state = this.#nextState(this.#state, bytes[index]!);
        index++;
      }
    }
  }

  #nextState(state: Exclude<State, "data" | "done">, byte: number): State {
    switch (state) {
      case "size":
        return this.#readSizeByte(byte);
      case "extension":
        if (byte === carriageReturn) return "size-end";
        return byte === lineFeed ? "done" : "extension";
      case "size-end":
        // RFC 9112 7.1: a chunk of size zero is the last chunk. The trailer section is ignored.
        return byte === lineFeed && this.#size > 0 ? "data" : "done";
      case "data-end":
        return byte === carriageReturn ? "data-line-feed" : "done";
      case "data-line-feed":
        this.#hasDigit = false;
        return byte === lineFeed ? "size" : "done";
    }
  }

  #readSizeByte(byte: number): State {
    const digit = Number.parseInt(String.fromCharCode(byte), 16);
    if (!Number.isNaN(digit)) {
      this.#hasDigit = true;
      this.#size = this.#size * 16 + digit;
      return "size";
    }
    if (!this.#hasDigit) return "done";
    if (byte === carriageReturn) return "size-end";
    const isExtension = byte === 0x3b || byte === 0x20 || byte === 0x09;
    return isExtension ? "extension" : "done";
  }
}
