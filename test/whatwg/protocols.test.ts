import { expect, it } from "vitest";
import { checkProtocols, toProtocolList } from "../../src/whatwg/protocols.js";

it.each([
  [undefined, []],
  [null, ["null"]],
  ["a", ["a"]],
  [5, ["5"]],
  [
    ["a", 5],
    ["a", "5"],
  ],
  [new Set(["b"]), ["b"]],
  [{}, ["[object Object]"]],
  [Object("ab"), ["a", "b"]],
])("the protocols %j are the list %j", (value, list) => {
  expect(toProtocolList(value)).toEqual(list);
});

it("an object with an iterator that is not a function is not a list", () => {
  expect(() => toProtocolList({ [Symbol.iterator]: 5 })).toThrow(TypeError);
  expect(toProtocolList({ [Symbol.iterator]: null, toString: () => "a" })).toEqual(["a"]);
});

it("a symbol is not a protocol", () => {
  expect(() => toProtocolList(Symbol("a"))).toThrow(TypeError);
});

it("every character of a token is allowed, and no other", () => {
  const allowed = "!#$%&'*+-.^_`|~0123456789";
  for (let code = 0; code < 300; code++) {
    const character = String.fromCharCode(code);
    const isToken = allowed.includes(character) || /[A-Za-z]/.test(character);
    const check = (): void => checkProtocols([`a${character}`]);
    if (isToken) check();
    else expect(check, String(code)).toThrow(DOMException);
  }
});

it("a list with an empty, invalid or repeated protocol is refused without showing it", () => {
  for (const list of [[""], ["a", ""], ["hunter2", "HUNTER2"], ["hunter2 "]]) {
    const refusal = expect.objectContaining({
      name: "SyntaxError",
      message: expect.not.stringMatching(/hunter2/i) as string,
    }) as Error;
    expect(() => checkProtocols(list)).toThrow(refusal);
  }
  checkProtocols([]);
  checkProtocols(["a", "b"]);
});
