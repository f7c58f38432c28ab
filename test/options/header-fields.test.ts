import { describe, expect, it } from "vitest";
import { readHeaderFields } from "../../src/options/header-fields.js";
import type { HeadersInit } from "../../src/options/options.js";

function read(headers: unknown): unknown {
  return readHeaderFields("proxy.headers", headers as HeadersInit);
}

describe("readHeaderFields()", () => {
  it.each([
    ["nothing", undefined, []],
    ["an object", { A: "1", B: ["2", "3"] }, ["A: 1", "B: 2", "B: 3"]],
    [
      "pairs, in their order",
      [
        ["B", "1"],
        ["A", "2"],
        ["B", "3"],
      ],
      ["B: 1", "A: 2", "B: 3"],
    ],
    ["a Map", new Map([["A", "1"]]), ["A: 1"]],
    // The first use of `Headers` makes Node load its HTTP client, which leaves a pending promise.
    ["another iterable, such as Headers", { [Symbol.iterator]: () => [["a", "1"]].values() }, ["a: 1"]],
  ])("reads %s", (_what, headers, expected) => {
    expect(readHeaderFields("headers", headers as HeadersInit).map((pair) => pair.join(": "))).toEqual(
      expected,
    );
  });

  it.each([
    ["a number", 5],
    ["null", null],
    ["text", "Authorization: gu3ss"],
    ["a pair that is text", ["gu3ss"]],
    ["a pair that is null", [null]],
    ["a pair that is an array of three", [["Authorization", "gu3ss", "x"]]],
    ["a value that is a number", { Authorization: 5 }],
    ["a value that is null", { Authorization: null }],
    ["a value that is undefined", { Authorization: undefined }],
    ["a value that is an object", { Authorization: { gu3ss: true } }],
    ["a name that is a number", [[5, "gu3ss"]]],
  ])("names the option, and shows no value, for %s", (_what, headers) => {
    expect(() => read(headers)).toThrow(TypeError);
    expect(() => read(headers)).toThrow(/proxy\.headers/);
    expect(() => read(headers)).not.toThrow(/gu3ss/);
  });
});
