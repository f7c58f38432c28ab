import { describe, expect, it } from "vitest";
import { isToken, trimWhitespace } from "../../../protocol/http/tokens.js";

const tokenCharacters = new Set(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

describe("isToken", () => {
  it("classifies each of the first 256 characters", () => {
    for (let code = 0; code < 256; code++) {
      const character = String.fromCharCode(code);
      expect(isToken(character), `0x${code.toString(16)}`).toBe(tokenCharacters.has(character));
      expect(isToken(`a${character}b`), `a 0x${code.toString(16)} b`).toBe(tokenCharacters.has(character));
    }
  });

  it.each(["", "a ", "a\n", "\na", "\u017f", "\u212a"])("returns false for %j", (text) => {
    expect(isToken(text)).toBe(false);
  });
});

describe("trimWhitespace", () => {
  it.each([
    ["", ""],
    ["a", "a"],
    [" \t a b\t ", "a b"],
    [" \t ", ""],
    ["\u00a0a\u00a0", "\u00a0a\u00a0"],
  ])("trims %j to %j", (text, trimmed) => {
    expect(trimWhitespace(text)).toBe(trimmed);
  });
});
