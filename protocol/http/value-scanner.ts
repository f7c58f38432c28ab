// A scanner for the value of a header field. It does not know the grammar of a particular field.

// Sticky patterns: `lastIndex` sets the position of the match.
const whitespace = /[ \t]*/y;
const token = /[!#$%&'*+\-.^_`|~\dA-Za-z]+/y;
// RFC 9110 5.6.4: text without quotes and backslashes, or a backslash followed by any character.
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

  /** Consumes `character` if it is next. */
  consume(character: string): boolean {
    const isNext = this.#text[this.#position] === character;
    if (isNext) this.#position++;
    return isNext;
  }

  /** Skips whitespace, then consumes `character` and the whitespace after it, if it is next. */
  consumeSeparator(character: string): boolean {
    this.skipWhitespace();
    const isNext = this.consume(character);
    if (isNext) this.skipWhitespace();
    return isNext;
  }

  /** Consumes a token, if one is next. */
  readToken(): string | undefined {
    return this.#match(token);
  }

  /** Consumes a quoted-string, if one is next, and returns its content without escapes. */
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
