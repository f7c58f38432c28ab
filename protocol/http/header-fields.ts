import type { HeaderField } from "../errors.js";
import { isToken } from "./tokens.js";

/** The values of all fields with this name, in their order. */
export function fieldValues(fields: readonly HeaderField[], lowerCaseName: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (hasName(field, lowerCaseName)) values.push(field[1]);
  return values;
}

/** A look at the length spares most of them the change of case. */
function hasName(field: HeaderField, lowerCaseName: string): boolean {
  const name = field[0];
  return name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName;
}

/** RFC 9110 5.3: several fields of one name are one list; `undefined` where there is none. */
export function joinedField(fields: readonly HeaderField[], lowerCaseName: string): string | undefined {
  let joined: string | undefined;
  for (const field of fields)
    if (hasName(field, lowerCaseName)) joined = joined === undefined ? field[1] : `${joined}, ${field[1]}`;
  return joined;
}

/**
 * Checks a field that we are about to send.
 *
 * @throws TypeError that names the field, and never shows its value, for a name that is no token and for a value
 *   with control characters or with characters beyond U+00FF (values are sent as latin1).
 */
export function checkField(name: unknown, value: unknown): void {
  if (typeof name !== "string") throw new TypeError(`A header name must be a string, not ${typeof name}.`);
  if (!isToken(name)) throw invalidName(name);
  if (typeof value !== "string") {
    throw new TypeError(`The value of header "${name}" must be a string, not ${typeof value}.`);
  }
  const position = value.search(/[^\t -~\u0080-\u00ff]/);
  if (position === -1) return;
  const what = value.charCodeAt(position) > 0xff ? "a character beyond U+00FF" : "a control character";
  throw new TypeError(
    `The value of header "${name}" has ${what} at position ${position}; encode or remove it.`,
  );
}

/** Shows the name only as far as it is one, for what follows may be a value that slipped in. */
function invalidName(name: string): TypeError {
  let length = 0;
  while (isToken(name.slice(length, length + 1))) length++;
  const reason =
    name === "" ? "it is empty" : `its character ${length + 1} is none that RFC 9110 5.6.2 allows in a name`;
  return new TypeError(`Invalid header name "${name.slice(0, length)}": ${reason}.`);
}
