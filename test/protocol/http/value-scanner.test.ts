import { describe, expect, it } from "vitest";
import { ValueScanner } from "../../../protocol/http/value-scanner.js";

describe("ValueScanner", () => {
  it("reads the parts of a value in order", () => {
    const scanner = new ValueScanner('ab \t; "c"');
    expect(scanner.readQuotedString()).toBeUndefined();
    expect(scanner.readToken()).toBe("ab");
    expect(scanner.readToken()).toBeUndefined();
    expect(scanner.consumeSeparator(",")).toBe(false);
    expect(scanner.consumeSeparator(";")).toBe(true);
    expect(scanner.consume(";")).toBe(false);
    expect(scanner.isAtEnd()).toBe(false);
    expect(scanner.readQuotedString()).toBe("c");
    expect(scanner.isAtEnd()).toBe(true);
    expect(scanner.consume(";")).toBe(false);
  });

  it.each([
    ['""', ""],
    ['"a b,c;d"', "a b,c;d"],
    [String.raw`"a\"b\\c\d"`, 'a"b\\cd'],
    ['"\t\u00ff"', "\t\u00ff"],
    ['"a', undefined],
    [String.raw`"a\"`, undefined],
    ['"a\u0000"', undefined],
    ['"a\\\u0000"', undefined],
    ['"\u0100"', undefined],
    ["a", undefined],
  ])("reads the quoted-string %j as %j", (text, value) => {
    expect(new ValueScanner(text).readQuotedString()).toBe(value);
  });

  it("does not move if nothing matches", () => {
    const scanner = new ValueScanner('"a');
    scanner.readQuotedString();
    expect(scanner.consume('"')).toBe(true);
    expect(scanner.readToken()).toBe("a");
  });
});
