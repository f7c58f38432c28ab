// Parses the values of the header fields that the opening handshake uses.
import type { ExtensionElement, ExtensionParameter } from "../extensions/extension.js";
import { isToken } from "./tokens.js";
import { ValueScanner } from "./value-scanner.js";

/** Returns the tokens of a list, for example of Connection. Returns `undefined` for a malformed list. */
export function parseTokenList(value: string): string[] | undefined {
  return parseList(value, (scanner) => scanner.readToken());
}

/**
 * Returns the elements of Upgrade (RFC 9110 7.8): a name such as `websocket`, or a name and version such as `HTTP/2.0`.
 */
export function parseProtocolList(value: string): string[] | undefined {
  return parseList(value, (scanner) => {
    const name = scanner.readToken();
    if (name === undefined || !scanner.consume("/")) return name;
    const version = scanner.readToken();
    return version === undefined ? undefined : `${name}/${version}`;
  });
}

/**
 * Returns the elements of Sec-WebSocket-Extensions (RFC 6455 9.1) in their order. Returns `undefined` for a malformed
 * value and for a value without elements.
 */
export function parseExtensions(value: string): ExtensionElement[] | undefined {
  const elements = parseList(value, parseExtension);
  return elements?.length === 0 ? undefined : elements;
}

function parseExtension(scanner: ValueScanner): ExtensionElement | undefined {
  const name = scanner.readToken();
  if (name === undefined) return undefined;
  const parameters: ExtensionParameter[] = [];
  while (scanner.consumeSeparator(";")) {
    const parameter = parseParameter(scanner);
    if (parameter === undefined) return undefined;
    parameters.push(parameter);
  }
  return { name, parameters };
}

function parseParameter(scanner: ValueScanner): ExtensionParameter | undefined {
  const name = scanner.readToken();
  if (name === undefined) return undefined;
  if (!scanner.consumeSeparator("=")) return [name, true];
  const value = scanner.readToken() ?? scanner.readQuotedString();
  // RFC 6455 9.1: the content of a quoted-string must be a token.
  return value !== undefined && isToken(value) ? [name, value] : undefined;
}

/** Returns `true` if a parsed list contains a token in any spelling. A malformed list, `undefined`, contains none. */
export function includesIgnoringCase(tokens: readonly string[] | undefined, lowerCaseToken: string): boolean {
  return tokens?.some((token) => token.toLowerCase() === lowerCaseToken) === true;
}

/** RFC 9110 5.6.1.2: elements are separated by commas, and empty elements are ignored. */
function parseList<T>(
  value: string,
  parseElement: (scanner: ValueScanner) => T | undefined,
): T[] | undefined {
  const scanner = new ValueScanner(value);
  const elements: T[] = [];
  for (;;) {
    scanner.skipWhitespace();
    if (scanner.isAtEnd()) return elements;
    if (scanner.consume(",")) continue;
    const element = parseElement(scanner);
    if (element === undefined) return undefined;
    elements.push(element);
    if (!scanner.consumeSeparator(",") && !scanner.isAtEnd()) return undefined;
  }
}
