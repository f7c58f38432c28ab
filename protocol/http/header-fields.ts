// Finds header fields by name, and checks fields before they are sent. This module does not parse the values of the
// fields.
import type { HeaderField } from "../errors.js";
import { isToken } from "./tokens.js";

/** Returns the values of all fields with the given name, in their order. */
export function fieldValues(fields: readonly HeaderField[], lowerCaseName: string): string[] {
  const values: string[] = [];
  for (const [name, value] of fields) {
    // The lengths are compared first, because most fields then need no conversion to lower case.
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) values.push(value);
  }
  return values;
}

/** Joins the values of all fields with the given name (RFC 9110 5.3). Returns `undefined` if there is no such field. */
export function joinedField(fields: readonly HeaderField[], lowerCaseName: string): string | undefined {
  const values = fieldValues(fields, lowerCaseName);
  return values.length === 0 ? undefined : values.join(", ");
}

/**
 * Checks a field before it is sent.
 *
 * @throws TypeError for a name that is not a token, for a value with a control character, and for a value with a
 *   character above U+00FF, because values are sent as latin1. The error message contains the name of the field, but
 *   not its value.
 */
export function checkField(name: unknown, value: unknown): void {
  if (typeof name !== "string") throw new TypeError(`A header name must be a string, not ${typeof name}.`);
  if (!isToken(name)) throw invalidName(name);
  if (typeof value !== "string") {
    throw new TypeError(`The value of header "${name}" must be a string, not ${typeof value}.`);
  }
  const position = value.search(/[^\t -~\u0080-\u00ff]/);
  if (position === -1) return;
  const what = value.charCodeAt(position) > 0xff ? "a character above U+00FF" : "a control character";
  throw new TypeError(
    `The value of header "${name}" has ${what} at position ${position}. Encode or remove it.`,
  );
}

/**
 * The error message contains only the valid start of the name. The rest of the name could be a secret value that was
 * passed by mistake.
 */
function invalidName(name: string): TypeError {
  let length = 0;
  while (isToken(name.slice(length, length + 1))) length++;
  const reason =
    name === "" ? "it is empty" : `its character ${length + 1} is not allowed in a name (RFC 9110 5.6.2)`;
  return new TypeError(`Invalid header name "${name.slice(0, length)}": ${reason}.`);
}
