import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../../protocol/errors.js";
import { checkField, fieldValues, joinedField } from "../../../protocol/http/header-fields.js";

const fields: HeaderField[] = [
  ["Set-Cookie", "a"],
  ["Host", "h"],
  ["set-cookie", "b"],
];

describe("fieldValues and joinedField", () => {
  it("find fields in any spelling, in their order", () => {
    expect(fieldValues(fields, "set-cookie")).toEqual(["a", "b"]);
    expect(fieldValues(fields, "cookie")).toEqual([]);
    expect(joinedField(fields, "set-cookie")).toBe("a, b");
    expect(joinedField(fields, "host")).toBe("h");
    expect(joinedField(fields, "cookie")).toBeUndefined();
  });
});

describe("checkField", () => {
  it.each([
    ["X-Name", ""],
    ["x!#$%&'*+-.^_`|~9", "a b\tc"],
    ["A", "\u0080\u00ff ~"],
  ])("accepts %j: %j", (name, value) => {
    expect(() => checkField(name, value)).not.toThrow();
  });

  it.each([
    ["", "v", 'Invalid header name "": it is empty'],
    ["X Name", "v", 'Invalid header name "X": its character 2'],
    ["X:", "v", 'Invalid header name "X": its character 2'],
    ["X\r\nY", "v", 'Invalid header name "X"'],
    ["Xü", "v", 'Invalid header name "X"'],
    [7, "v", "A header name must be a string, not number"],
    [undefined, "v", "A header name must be a string, not undefined"],
    ["X-Name", 7, 'The value of header "X-Name" must be a string, not number'],
    ["X-Name", undefined, 'The value of header "X-Name" must be a string, not undefined'],
    ["X-Name", "ab\r", 'The value of header "X-Name" has a control character at position 2'],
    ["X-Name", "\n", "a control character at position 0"],
    ["X-Name", "a\0", "a control character at position 1"],
    ["X-Name", "\u001f", "a control character"],
    ["X-Name", "\u007f", "a control character"],
    ["X-Name", "a\u0100", 'The value of header "X-Name" has a character above U+00FF at position 1'],
    ["X-Name", "😀", "a character above U+00FF at position 0"],
  ])("throws for %j: %j", (name, value, message) => {
    const check = (): void => checkField(name, value);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(message);
  });

  it("does not show the value, even if it was passed as part of the name", () => {
    expect(() => checkField("Authorization", "Bearer hunter2\n")).not.toThrow("hunter2");
    expect(() => checkField("Authorization: Bearer hunter2", "")).toThrow('"Authorization"');
    expect(() => checkField("Authorization: Bearer hunter2", "")).not.toThrow("hunter2");
  });
});
