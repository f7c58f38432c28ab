// The second argument of the constructor: the subprotocols to offer. It does not check the answer of the server.
import { toDomString } from "./web-idl.js";

/** RFC 6455 4.1: a subprotocol is a token of RFC 2616 2.2. */
const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

/**
 * Converts the second argument to a list: an iterable object is a list of subprotocols, and any other value is a single
 * subprotocol.
 *
 * @throws TypeError for a symbol, and for an object whose iterator is not a function.
 */
export function toProtocolList(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  const isList = isObject && ((value as Partial<Iterable<unknown>>)[Symbol.iterator] ?? null) !== null;
  return isList ? Array.from(value as Iterable<unknown>, toDomString) : [toDomString(value)];
}

/**
 * @throws a DOMException with the name `SyntaxError` for a subprotocol that is not a token, and for a repeated one. Its
 *   message does not contain the subprotocol, because a subprotocol may be a token for authentication.
 */
export function checkProtocols(protocols: readonly string[]): void {
  const isRepeated = new Set(protocols.map((one) => one.toLowerCase())).size < protocols.length;
  if (!isRepeated && protocols.every((one) => token.test(one))) return;
  const rule = isRepeated
    ? "Each subprotocol may be offered only once."
    : "A subprotocol must be a token of RFC 6455 4.1. The options of a WebSocket are the third argument.";
  throw new DOMException(rule, "SyntaxError");
}
