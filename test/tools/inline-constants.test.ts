// The built files contain numbers instead of their names.
import { describe, expect, it } from "vitest";
import { inlineConstants } from "../../tools/inline-constants.js";

const inlined = (...lines: string[]): string => inlineConstants(lines.join("\n")).trim();

describe("inlineConstants", () => {
  it("replaces a name by its number, and keeps the name in a comment", () => {
    expect(inlined("var size = 4 * 1024;", "f(size);")).toBe("f(4096 /* size */);");
  });

  it("calculates a constant from other constants and from the properties of constant objects", () => {
    const lines = [
      "var base = 2;",
      "var codes = { a: 3, b: -1 };",
      "var all = (codes.a - codes.b) ** base | 1;",
    ];
    expect(inlined(...lines, "f(all);")).toContain("f(17 /* all */);");
  });

  it("replaces a property of a constant object, and keeps the object", () => {
    const lines = ["var opcode = { text: 1 };", "f(opcode.text, opcode.none, opcode);"];
    expect(inlined(...lines)).toBe("var opcode = { text: 1 };\nf(1 /* opcode.text */, opcode.none, opcode);");
  });

  it("puts a negative number and a number with a method into parentheses", () => {
    expect(inlined("var low = -1;", "f(2 ** low);")).toBe("f(2 ** (-1) /* low */);");
    expect(inlined("var low = 1;", "f(low.toFixed());")).toBe("f((1) /* low */.toFixed());");
  });

  it.each([
    ["a parameter of the same name", "var at = 1;\nfunction f(at) {\n  return at;\n}"],
    ["an exported constant", "var size = 1;\nexport { size };"],
    ["an exported constant of CommonJS", "var size = 1;\nmodule.exports = { size };"],
    ["a variable inside a function", "function f() {\n  var size = 1;\n  return size;\n}"],
    ["a number that a call returns", "var size = f();\ng(size);"],
    ["a variable with an assignment", "var size = 1;\nsize += 1;\nf(size);"],
    ["a variable that is counted up", "var size = 1;\nf(size++, size);"],
    ["an object with an assignment", "var sizes = { a: 1 };\nsizes.a = 2;\nf(sizes.a);"],
    ["an object with other properties", "var sizes = { a: 1, b: f };\ng(sizes.a);"],
  ])("does not change %s", (_, code) => {
    expect(inlined(code)).toBe(code);
  });

  it("does not replace keys", () => {
    const uses = ["a.size", "{ size: 2 }", "class { size = 3 }", "({ size: b }) => b"].join(", ");
    expect(inlined("var size = 1;", `f(${uses});`)).toBe(`f(${uses});`);
  });
});
