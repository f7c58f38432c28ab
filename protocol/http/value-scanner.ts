// A scanner for the value of a header field. It does not know the grammar of a particular field.

// These patterns are sticky: they match only at the position `lastIndex`.
const whitespace = /[ \t]*/y;
const token = /[!#$%&'*+\-.^_`|~\dA-Za-z]+/y;
// RFC 9110 5.6.4: between the quotes, each quote and backslash of the text is preceded by a backslash.
const quotedString = /"(?:[\t !#-[\]-~\u0080-\u00ff]|\\[\t -~\u0080-\u00ff])*"/y;

/** Reads the parts of a value from left to right. The position never moves backwards. */
export class ValueScanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#position === this.#text.length;
  }

  skipWhitespace(): void {
    this.#match(whitespace);
  }

  /** Consumes the next character if it is `character`. */
  consume(character: string): boolean {
    const isNext = this.#text[this.#position] === character;
    if (isNext) this.#position++;
    return isNext;
  }

  /** Skips whitespace. If the next character is `character`, consumes it and the whitespace after it. */
  consumeSeparator(character: string): boolean {
    this.skipWhitespace();
    const isNext = this.consume(character);
    if (isNext) this.skipWhitespace();
    return isNext;
  }

  /** Consumes and returns the token at the current position, or returns `undefined` if there is none. */
  readToken(): string | undefined {
    return this.#match(token);
  }

  /** Consumes the quoted-string at the current position. Returns its content without quotes and escapes. */
  readQuotedString(): string | undefined {
    return this.#match(quotedString)?.slice(1, -1).replace(/\\(.)/g, "$1");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.#position += match.length;
    return match;
  }
}
