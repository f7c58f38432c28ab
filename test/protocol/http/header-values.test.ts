import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExtensions, parseProtocolList, parseTokenList } from "../../../protocol/http/header-values.js";
import { cases } from "../../support/cases.js";

describe("parseTokenList", () => {
  it.each([
    ["", []],
    [" \t", []],
    [",", []],
    [", ,\t,", []],
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a\t,  b ", ["a", "b"]],
    [",a,, b,", ["a", "b"]],
    ["keep-alive, Upgrade", ["keep-alive", "Upgrade"]],
    ["a,a", ["a", "a"]],
    ["a b", undefined],
    ["a;b", undefined],
    ["a/b", undefined],
    ['"a"', undefined],
    ["a, ü", undefined],
    ["a,(b)", undefined],
  ])("parses %j as %j", (value, tokens) => {
    expect(parseTokenList(value)).toEqual(tokens);
  });
});

describe("parseProtocolList", () => {
  it.each([
    ["websocket", ["websocket"]],
    ["HTTP/2.0, websocket", ["HTTP/2.0", "websocket"]],
    ["a/", undefined],
    ["/a", undefined],
    ["a/b/c", undefined],
    ["a /b", undefined],
    ["", []],
  ])("parses %j as %j", (value, protocols) => {
    expect(parseProtocolList(value)).toEqual(protocols);
  });
});

const element = (name: string, ...parameters: [string, string | true][]): unknown => ({ name, parameters });

describe("parseExtensions", () => {
  it.each([
    ["a", [element("a")]],
    ["a, b", [element("a"), element("b")]],
    [",a,,b,", [element("a"), element("b")]],
    ["a;b", [element("a", ["b", true])]],
    ["a; b=1; c", [element("a", ["b", "1"], ["c", true])]],
    ["a \t; b \t= 1 , c", [element("a", ["b", "1"]), element("c")]],
    ['a; b="1"', [element("a", ["b", "1"])]],
    [String.raw`a; b="\1\0"; c`, [element("a", ["b", "10"], ["c", true])]],
    ["a; b=1; b=2", [element("a", ["b", "1"], ["b", "2"])]],
    ["a; b=1, a", [element("a", ["b", "1"]), element("a")]],
    ["", undefined],
    [" , ", undefined],
    ["a;", undefined],
    ["a;;b", undefined],
    ["a;=1", undefined],
    ["a; b=", undefined],
    ["a; b=1 2", undefined],
    ["a b", undefined],
    ["a=b", undefined],
    [";b", undefined],
    ['"a"', undefined],
    ['a; b=""', undefined],
    ['a; b="1,2"', undefined],
    ['a; b="1;2"', undefined],
    ['a; b="1 2"', undefined],
    ['a; b="1', undefined],
    ['a; b="1"2', undefined],
    ['a; b="', undefined],
    [String.raw`a; b="1\"`, undefined],
    [String.raw`a; b="\"1"`, undefined],
    ['a; b="1\u00ff"', undefined],
    ['a; b="1\u0000"', undefined],
    ["a; b=1=2", undefined],
    ["a; b=1, ü", undefined],
  ])("parses %j", (value, elements) => {
    expect(parseExtensions(value)).toEqual(elements);
  });

  it("parses any elements, with any whitespace and quoting", () => {
    const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~\dA-Za-z]{1,8}$/);
    const parameter = fc.tuple(token, fc.oneof(fc.constant<true>(true), token));
    const elements = fc.array(fc.record({ name: token, parameters: fc.array(parameter, { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    const space = fc.constantFrom("", " ", "\t", " \t");
    fc.assert(
      fc.property(elements, space, fc.boolean(), (expected, gap, isQuoted) => {
        const value = expected
          .map(({ name, parameters }) =>
            [
              name,
              ...parameters.map(([key, text]) => {
                if (text === true) return key;
                return `${key}${gap}=${gap}${isQuoted ? `"${text.replaceAll(/./g, String.raw`\$&`)}"` : text}`;
              }),
            ].join(`${gap};${gap}`),
          )
          .join(`${gap},${gap}`);
        expect(parseExtensions(value)).toEqual(expected);
      }),
      { numRuns: cases(100) },
    );
  });

  it("does not throw for any text", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "b", ",", ";", "=", '"', " ", "\t", "\\", "\u00e9"),
    });
    fc.assert(
      fc.property(text, (value) => {
        const elements = parseExtensions(value);
        expect(elements === undefined || elements.length > 0).toBe(true);
      }),
      { numRuns: cases(500) },
    );
  });
});
