/** C0, DEL and C1 control characters, and the two separators of Unicode that end a line in some viewers. */
const controls = /[\p{Cc}\u2028\u2029]/gu;

/**
 * Makes text of a peer fit for an error message or a log: control characters are written as `\u001b`, so that the text
 * can neither begin a new line nor command a terminal.
 */
export function escapeControls(text: string): string {
  return text.replace(controls, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
