import { describe, expect, it } from "vitest";
import { ValueScanner } from "../../../protocol/http/value-scanner.js";

describe("ValueScanner", () => {
  it("reads the parts of a value in order", () => {
    const scanner = new ValueScanner('ab \t; "c"');
    expect(scanner.takeQuotedString()).toBeUndefined();
    expect(scanner.takeToken()).toBe("ab");
    expect(scanner.takeToken()).toBeUndefined();
    expect(scanner.takeSeparator(",")).toBe(false);
    expect(scanner.takeSeparator(";")).toBe(true);
    expect(scanner.take(";")).toBe(false);
    expect(scanner.isAtEnd()).toBe(false);
    expect(scanner.takeQuotedString()).toBe("c");
    expect(scanner.isAtEnd()).toBe(true);
    expect(scanner.take(";")).toBe(false);
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
    expect(new ValueScanner(text).takeQuotedString()).toBe(value);
  });

  it("does not move if nothing matches", () => {
    const scanner = new ValueScanner('"a');
    scanner.takeQuotedString();
    expect(scanner.take('"')).toBe(true);
    expect(scanner.takeToken()).toBe("a");
  });
});
