/** Reads header fields in the forms that users may pass. It does not check names and values: the handshake does. */
import type { HeaderField } from "../../protocol/index.js";
import { describeValue, headersForm, wrongValue } from "./checks.js";
import type { HeadersInit } from "./options.js";

/**
 * @param option - The name of the option, for error messages.
 * @throws TypeError for a value that is not text. The message does not show the value, because it may be a credential.
 */
export function readHeaderFields(option: string, headers: HeadersInit | undefined): HeaderField[] {
  if (headers === undefined) return [];
  if (typeof headers !== "object" || (headers as unknown) === null) {
    throw wrongValue(option, headersForm, headers);
  }
  if (Symbol.iterator in headers) return [...headers].map((pair) => checkPair(option, pair));
  const values = Object.entries(headers as Record<string, string | readonly string[]>);
  return values.flatMap(([name, value]) => [value].flat().map((one) => checkPair(option, [name, one])));
}

/** JavaScript callers may pass any value as a pair. */
function checkPair(option: string, pair: unknown): HeaderField {
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new TypeError(
      `A header field in the option "${option}" must be a pair of name and value, not ${typeOf(pair)}.`,
    );
  }
  const [name, value] = pair as unknown[];
  if (typeof name === "string" && typeof value === "string") return [name, value];
  throw new TypeError(
    `The header field ${describeValue(name)} in the option "${option}" must be text, not ${typeOf(value)}.`,
  );
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
