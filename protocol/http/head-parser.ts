// Parses the head (start line and header fields) of an HTTP/1.1 message. This module does not read the body.
import type { HeaderField } from "../errors.js";
import { latin1Slice } from "../fast-buffer.js";
import { isToken, trimWhitespace } from "./tokens.js";

/** The limits for the head of an HTTP message. The head includes the start line. */
export interface HeadLimits {
  /** Largest size of the head in bytes, including line ends. Default: 16 KiB. */
  readonly maxHeaderSize?: number | undefined;
  /** Largest number of header fields. Default: 100. */
  readonly maxHeaderFields?: number | undefined;
}

/** The parsed head of a message. */
export interface Head<StartLine> {
  readonly kind: "head";
  readonly startLine: StartLine;
  /** The header fields in the received order and spelling, with repeats. */
  readonly headers: readonly HeaderField[];
  /** Index of the first byte after the head. */
  readonly consumed: number;
}

/** The parsed head, or the reason why the head is refused. */
export type HeadResult<StartLine> =
  | Head<StartLine>
  | {
      readonly kind: "malformed" | "too-large";
      /** A clause for an error, such as "its head has too many bytes". The word "its" means the HTTP message. */
      readonly reason: string;
    };

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const del = 0x7f;

/**
 * Parses the head of one HTTP/1.1 message (RFC 9112 2.1), received in pieces of any size. The parser reads each byte
 * once. The parser accepts only what the grammar allows, because two programs can interpret an invalid head in
 * different ways.
 */
export class HeadParser<StartLine> {
  readonly #parseStartLine: (line: string) => StartLine | undefined;
  readonly #maxFields: number;
  readonly #headers: HeaderField[] = [];
  #startLine: StartLine | undefined;
  #remaining: number;
  /** The received part of the current line. */
  #line = "";
  #isAfterReturn = false;

  constructor(parseStartLine: (line: string) => StartLine | undefined, limits: HeadLimits = {}) {
    this.#parseStartLine = parseStartLine;
    this.#remaining = limits.maxHeaderSize ?? 16 * 1024;
    this.#maxFields = limits.maxHeaderFields ?? 100;
  }

  /** Reads up to the end of the head. Returns `undefined` if more bytes are needed. Do not call this after a result. */
  receive(bytes: Uint8Array, start: number, end: number): HeadResult<StartLine> | undefined {
    const limit = Math.min(end, start + this.#remaining);
    let pieceStart = start;
    for (let index = start; index < limit; index++) {
      const byte = bytes[index]!;
      if (this.#isAfterReturn) {
        // RFC 9112 2.2: a bare CR makes the line invalid.
        if (byte !== lineFeed) return malformed("it contains a carriage return without a line feed");
        this.#isAfterReturn = false;
        pieceStart = index + 1;
        const result = this.#endLine(pieceStart);
        if (result !== undefined) return result;
      } else if (byte === carriageReturn) {
        this.#line += latin1(bytes, pieceStart, index);
        this.#isAfterReturn = true;
      } else if (byte === lineFeed) {
        // RFC 9112 2.2 allows a bare LF as a line end. This parser refuses a bare LF, because other parsers can ignore
        // it as a line end.
        return malformed("it contains a line feed without a carriage return");
      } else if ((byte < space && byte !== tab) || byte === del) {
        return malformed(`it contains the control character 0x${byte.toString(16).padStart(2, "0")}`);
      }
    }
    if (!this.#isAfterReturn) this.#line += latin1(bytes, pieceStart, limit);
    this.#remaining -= limit - start;
    return this.#remaining > 0 ? undefined : { kind: "too-large", reason: "its head has too many bytes" };
  }

  #endLine(consumed: number): HeadResult<StartLine> | undefined {
    const line = this.#line;
    this.#line = "";
    if (this.#startLine === undefined) {
      this.#startLine = this.#parseStartLine(line);
      return this.#startLine === undefined
        ? malformed("its first line is not a valid HTTP/1.1 start line")
        : undefined;
    }
    if (line === "") return { kind: "head", startLine: this.#startLine, headers: this.#headers, consumed };
    return this.#addField(line);
  }

  #addField(line: string): HeadResult<StartLine> | undefined {
    // RFC 9112 5.2: a line that begins with whitespace would continue the previous line.
    if (line.startsWith(" ") || line.startsWith("\t"))
      return malformed("one of its header lines begins with whitespace");
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    // RFC 9112 5.1: no whitespace is allowed between the name and the colon. `isToken` rejects a name with whitespace.
    if (!isToken(name)) return malformed(`its header line ${this.#headers.length + 1} has no valid name`);
    if (this.#headers.length === this.#maxFields) {
      return { kind: "too-large", reason: `its head has more than ${this.#maxFields} fields` };
    }
    this.#headers.push([name, trimWhitespace(line.slice(colon + 1))]);
    return undefined;
  }
}

function malformed(reason: string): HeadResult<never> {
  return { kind: "malformed", reason };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), start, end);
}
