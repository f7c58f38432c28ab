// Writes the head (start line and header fields) of an HTTP/1.1 message.
import type { HeaderField } from "../errors.js";
import { checkField } from "./header-fields.js";

/**
 * Returns the head in latin1. The order and the spelling of the fields do not change, and repeated fields stay
 * repeated.
 *
 * @throws TypeError for a start line or a field with characters that could start a new line.
 */
export function writeHead(startLine: string, fields: readonly HeaderField[]): Buffer {
  if (!/^[ -~]+$/.test(startLine)) {
    throw new TypeError("The first line of a head must contain only printable ASCII characters.");
  }
  let head = `${startLine}\r\n`;
  for (const [name, value] of fields) {
    checkField(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, "latin1");
}
