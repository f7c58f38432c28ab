import { expect, it } from "vitest";
import { escapeControls } from "../../protocol/escape-controls.js";

it("escapeControls escapes C0, DEL, C1 and the Unicode line ends, and nothing else", () => {
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029;
    const expected = isControl ? `\\u${code.toString(16).padStart(4, "0")}` : character;
    if (escapeControls(character) !== expected) expect(escapeControls(character)).toBe(expected);
  }
  expect(escapeControls("a\n\u001b[31mb 😀")).toBe("a\\u000a\\u001b[31mb 😀");
});
