// Finds header fields by name, and checks fields before they are sent. It does not parse their values.
import type { HeaderField } from "../errors.js";
import { isToken } from "./tokens.js";

/** Returns the values of all fields with this name, in their order. */
export function fieldValues(fields: readonly HeaderField[], lowerCaseName: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (hasName(field, lowerCaseName)) values.push(field[1]);
  return values;
}

/** Compares the lengths first, because most fields then need no conversion to lower case. */
function hasName(field: HeaderField, lowerCaseName: string): boolean {
  const name = field[0];
  return name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName;
}

/** Joins all fields with this name to one list (RFC 9110 5.3). Returns `undefined` if there is none. */
export function joinedField(fields: readonly HeaderField[], lowerCaseName: string): string | undefined {
  let joined: string | undefined;
  for (const field of fields)
    if (hasName(field, lowerCaseName)) joined = joined === undefined ? field[1] : `${joined}, ${field[1]}`;
  return joined;
}

/**
 * Checks a field before it is sent.
 *
 * @throws TypeError for a name that is not a token, or for a value with control characters or characters above U+00FF
 *   (values are sent as latin1). The message contains the name of the field, but not its value.
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

/** The message contains only the valid start of the name, because the rest may be a value passed by mistake. */
function invalidName(name: string): TypeError {
  let length = 0;
  while (isToken(name.slice(length, length + 1))) length++;
  const reason =
    name === "" ? "it is empty" : `its character ${length + 1} is not allowed in a name (RFC 9110 5.6.2)`;
  return new TypeError(`Invalid header name "${name.slice(0, length)}": ${reason}.`);
}
