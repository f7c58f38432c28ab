// Parses the values of the header fields that the opening handshake uses.
import type { ExtensionElement, ExtensionParameter } from "../extensions/extension.js";
import { isToken, trimWhitespace } from "./tokens.js";

/** Returns the tokens of a list, for example of Connection. Returns `undefined` for a malformed list. */
export function parseTokenList(value: string): string[] | undefined {
  const tokens = elementsOf(value);
  return tokens.every(isToken) ? tokens : undefined;
}

/**
 * Returns the elements of Upgrade (RFC 9110 7.8): a name such as `websocket`, or a name and version such as `HTTP/2.0`.
 */
export function parseProtocolList(value: string): string[] | undefined {
  const protocols = elementsOf(value);
  const isValid = protocols.every((protocol) => {
    const parts = protocol.split("/");
    return parts.length <= 2 && parts.every(isToken);
  });
  return isValid ? protocols : undefined;
}

/**
 * Returns the elements of Sec-WebSocket-Extensions (RFC 6455 9.1) in their order. Returns `undefined` for a malformed
 * value and for a value without elements.
 */
export function parseExtensions(value: string): ExtensionElement[] | undefined {
  const extensions: ExtensionElement[] = [];
  for (const element of elementsOf(value)) {
    const [name = "", ...rest] = element.split(";").map(trimWhitespace);
    const parameters = rest.map(parseParameter).filter((parameter) => parameter !== undefined);
    if (!isToken(name) || parameters.length < rest.length) return undefined;
    extensions.push({ name, parameters });
  }
  return extensions.length > 0 ? extensions : undefined;
}

function parseParameter(text: string): ExtensionParameter | undefined {
  const [name = "", value, ...others] = text.split("=").map(trimWhitespace);
  if (!isToken(name) || others.length > 0) return undefined;
  if (value === undefined) return [name, true];
  const [, quoted] = /^"(.*)"$/.exec(value) ?? [];
  // RFC 9110 5.6.4: in a quoted-string, a backslash precedes a character that stands for itself.
  const token = quoted === undefined ? value : quoted.replace(/\\(.)/g, "$1");
  return isToken(token) ? [name, token] : undefined;
}

/**
 * Returns `true` if a parsed list contains a token. The comparison ignores case. Returns `false` if `tokens` is
 * `undefined`, which means that the list was malformed.
 */
export function includesIgnoringCase(tokens: readonly string[] | undefined, lowerCaseToken: string): boolean {
  return tokens?.some((token) => token.toLowerCase() === lowerCaseToken) === true;
}

/**
 * Splits a list at its commas and removes empty elements (RFC 9110 5.6.1.2). A comma is never inside a quoted-string,
 * because the content of a quoted-string must be a token (RFC 6455 9.1).
 */
function elementsOf(value: string): string[] {
  const elements = value.split(",").map(trimWhitespace);
  return elements.filter((element) => element !== "");
}
