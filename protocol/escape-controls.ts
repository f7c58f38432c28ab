// Makes text from a peer safe to print.

/** The C0, DEL and C1 control characters, and the two Unicode separators that some viewers treat as line ends. */
const controls = /[\p{Cc}\u2028\u2029]/gu;

/**
 * Replaces each control character with its escape sequence, such as `\u001b`. In an error message or a log, the text
 * can then neither start a new line nor send commands to a terminal.
 */
export function escapeControls(text: string): string {
  return text.replace(controls, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
