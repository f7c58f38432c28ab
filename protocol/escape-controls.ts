// Makes text from a peer safe to print. This module does not remove characters.

/** The control characters C0, DEL and C1, and two Unicode separators. Some viewers start a new line at a separator. */
const controls = /[\p{Cc}\u2028\u2029]/gu;

/**
 * Replaces each control character with its escape sequence, such as `\u001b`. The text can then neither start a new
 * line in a log nor send commands to a terminal.
 */
export function escapeControls(text: string): string {
  return text.replace(controls, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
