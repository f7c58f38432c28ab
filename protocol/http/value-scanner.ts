// Each is told where to look before it looks.
const whitespace = /[ \t]*/y;
const token = /[!#$%&'*+\-.^_`|~\dA-Za-z]+/y;
// RFC 9110 5.6.4: text without quotes and backslashes, and pairs of a backslash and any character.
const quotedString = /"(?:[\t !#-[\]-~\u0080-\u00ff]|\\[\t -~\u0080-\u00ff])*"/y;

/** Walks through the value of a header field from left to right, never back. */
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

  /** Takes `character` where it comes next. */
  take(character: string): boolean {
    const isNext = this.#text[this.#position] === character;
    if (isNext) this.#position++;
    return isNext;
  }

  /** Takes `character` with the whitespace on both sides of it, where it comes next. */
  takeSeparator(character: string): boolean {
    this.skipWhitespace();
    const isNext = this.take(character);
    if (isNext) this.skipWhitespace();
    return isNext;
  }

  takeToken(): string | undefined {
    return this.#match(token);
  }

  /** The text that a quoted-string stands for. */
  takeQuotedString(): string | undefined {
    return this.#match(quotedString)?.slice(1, -1).replace(/\\(.)/g, "$1");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.#position += match.length;
    return match;
  }
}
