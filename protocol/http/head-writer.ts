import type { HeaderField } from "../errors.js";
import { checkField } from "./header-fields.js";

/**
 * The head of an HTTP/1.1 message: the fields in their order and spelling, with repeats, as latin1.
 *
 * @throws TypeError for a start line or a field that would break out of its line.
 */
export function writeHead(startLine: string, fields: readonly HeaderField[]): Buffer {
  if (!/^[ -~]+$/.test(startLine)) {
    throw new TypeError("The first line of a request or a response takes visible ASCII characters only.");
  }
  let head = `${startLine}\r\n`;
  for (const [name, value] of fields) {
    checkField(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, "latin1");
}
