import type { HeaderField } from "../errors.js";
import { isToken, trimWhitespace } from "./tokens.js";

/** The limits of a head, start line included. */
export interface HeadLimits {
  /** The most bytes, line ends included; 16 KiB by default. */
  readonly maxHeaderSize?: number | undefined;
  /** The most header fields; 100 by default. */
  readonly maxHeaderFields?: number | undefined;
}

export type HeadResult<StartLine> =
  | {
      readonly kind: "head";
      readonly startLine: StartLine;
      /** In the order and spelling in which they came, with repeats. */
      readonly headers: readonly HeaderField[];
      /** The index of the first byte behind the head. */
      readonly consumed: number;
    }
  | HeadFault<"malformed">
  | HeadFault<"too-large">;

interface HeadFault<Kind> {
  readonly kind: Kind;
  /** A clause for an error message. */
  readonly reason: string;
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const del = 0x7f;

/**
 * Reads the head of one HTTP/1.1 message (RFC 9112 2.1), at any split of the input, and looks at each byte once.
 * It is as strict as the grammar: what servers and proxies read in two ways is refused.
 */
export class HeadParser<StartLine> {
  readonly #parseStartLine: (line: string) => StartLine | undefined;
  readonly #maxFields: number;
  readonly #headers: HeaderField[] = [];
  #startLine: StartLine | undefined;
  #remaining: number;
  /** What has come of the current line. */
  #line = "";
  #isAfterReturn = false;

  constructor(parseStartLine: (line: string) => StartLine | undefined, limits: HeadLimits = {}) {
    this.#parseStartLine = parseStartLine;
    this.#remaining = limits.maxHeaderSize ?? 16 * 1024;
    this.#maxFields = limits.maxHeaderFields ?? 100;
  }

  /** Takes bytes up to the end of the head; `undefined` while more of it is to come. Not to be called after a result. */
  receive(bytes: Uint8Array, start: number, end: number): HeadResult<StartLine> | undefined {
    const limit = Math.min(end, start + this.#remaining);
    let pieceStart = start;
    for (let index = start; index < limit; index++) {
      const byte = bytes[index]!;
      if (this.#isAfterReturn) {
        // RFC 9112 2.2: a bare CR makes the line invalid.
        if (byte !== lineFeed) return malformed("a carriage return stands without a line feed");
        this.#isAfterReturn = false;
        pieceStart = index + 1;
        const result = this.#endLine(pieceStart);
        if (result !== undefined) return result;
      } else if (byte === carriageReturn) {
        this.#line += latin1(bytes, pieceStart, index);
        this.#isAfterReturn = true;
      } else if (byte === lineFeed) {
        // RFC 9112 2.2 lets a bare LF pass as the end of a line; two readers may then see two different heads.
        return malformed("a line feed stands without a carriage return");
      } else if ((byte < space && byte !== tab) || byte === del) {
        return malformed(`it holds the control character 0x${byte.toString(16).padStart(2, "0")}`);
      }
    }
    if (!this.#isAfterReturn) this.#line += latin1(bytes, pieceStart, limit);
    this.#remaining -= limit - start;
    return this.#remaining > 0 ? undefined : { kind: "too-large", reason: "its head takes too many bytes" };
  }

  #endLine(consumed: number): HeadResult<StartLine> | undefined {
    const line = this.#line;
    this.#line = "";
    if (this.#startLine === undefined) {
      this.#startLine = this.#parseStartLine(line);
      return this.#startLine === undefined
        ? malformed("its first line is not that of an HTTP/1.1 message")
        : undefined;
    }
    if (line === "") return { kind: "head", startLine: this.#startLine, headers: this.#headers, consumed };
    return this.#takeField(line);
  }

  #takeField(line: string): HeadResult<StartLine> | undefined {
    // RFC 9112 5.2: a line that begins with whitespace would continue the one before it.
    if (line.startsWith(" ") || line.startsWith("\t"))
      return malformed("a header line begins with whitespace");
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    // RFC 9112 5.1: no whitespace between the name and the colon; it is no part of a token.
    if (!isToken(name)) return malformed(`header line ${this.#headers.length + 1} has no valid name`);
    if (this.#headers.length === this.#maxFields) {
      return { kind: "too-large", reason: `its head has more than ${this.#maxFields} fields` };
    }
    this.#headers.push([name, trimWhitespace(line, colon + 1)]);
    return undefined;
  }
}

function malformed(reason: string): HeadFault<"malformed"> {
  return { kind: "malformed", reason };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1", start, end);
}
