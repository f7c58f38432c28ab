// Checks a client's parsed request against RFC 6455 4.2.1. It does not decide whether the server accepts it.
import type { HeaderField } from "../errors.js";
import type { ExtensionElement } from "../extensions/extension.js";
import { fieldValues, joinedField } from "../http/header-fields.js";
import { parseExtensions, parseProtocolList, parseTokenList } from "../http/header-values.js";
import type { RequestLine } from "../http/start-line.js";

/** A client's valid request. */
export interface ServerRequest {
  /** Path and query (RFC 6455 3: the resource name). */
  readonly resource: string;
  /** In the received order and spelling, with repeats. */
  readonly headers: readonly HeaderField[];
  /** In the client's order of preference. */
  readonly subprotocols: readonly string[];
  /** The Origin header, which browsers send (RFC 6455 10.2). `undefined` if there is none. */
  readonly origin: string | undefined;
}

/** A valid request with the values from which the response is made. */
export interface ValidRequest {
  readonly kind: "valid";
  readonly request: ServerRequest;
  readonly key: string;
  readonly extensions: readonly ExtensionElement[];
}

/** The reason for refusing a request, and the status of the response. */
export interface RequestFault {
  readonly kind: "fault";
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
}

/** Checks a client's opening handshake (RFC 6455 4.2.1). */
export function checkRequest(
  line: RequestLine,
  headers: readonly HeaderField[],
): ValidRequest | RequestFault {
  const invalid = checkRequestLine(line) ?? checkHost(headers) ?? checkBody(headers) ?? checkUpgrade(headers);
  if (invalid !== undefined) return invalid;
  const resource = resourceOf(line.target);
  if (resource === undefined) {
    return fault(400, "INVALID_RESOURCE", "The target of the request must be a path, without a fragment.");
  }
  const key = keyOf(headers);
  if (key === undefined) {
    return fault(
      400,
      "INVALID_KEY",
      "The request must have exactly one Sec-WebSocket-Key of 16 bytes in base64.",
    );
  }
  const subprotocols = subprotocolsOf(headers);
  if (subprotocols === undefined) {
    return fault(400, "INVALID_SUBPROTOCOLS", "Sec-WebSocket-Protocol must be a list of unique tokens.");
  }
  const extensions = extensionsOf(headers);
  if (extensions === undefined) {
    return fault(
      400,
      "INVALID_EXTENSIONS",
      "Sec-WebSocket-Extensions does not match the grammar of RFC 6455 9.1.",
    );
  }
  const [origin] = fieldValues(headers, "origin");
  return { kind: "valid", request: { resource, headers, subprotocols, origin }, key, extensions };
}

function checkRequestLine({ method, version }: RequestLine): RequestFault | undefined {
  // RFC 6455 4.2.1, item 1: the method is GET and the version is HTTP/1.1 or higher.
  if (method !== "GET") return fault(405, "INVALID_METHOD", "A WebSocket handshake must be a GET request.");
  if (!/^1\.[1-9]$/.test(version)) {
    return fault(505, "INVALID_HTTP_VERSION", "A WebSocket handshake must use HTTP/1.1.");
  }
  return undefined;
}

function checkHost(headers: readonly HeaderField[]): RequestFault | undefined {
  const [host, ...others] = fieldValues(headers, "host");
  // RFC 6455 4.2.1, item 2; RFC 9112 3.2: a request without exactly one Host is answered with 400.
  if (host !== undefined && host !== "" && others.length === 0) return undefined;
  return fault(400, "INVALID_HOST", "The request must have exactly one Host header.");
}

/** Rejects a request with a body, because its bytes would be parsed as frames. */
function checkBody(headers: readonly HeaderField[]): RequestFault | undefined {
  const hasLength = fieldValues(headers, "content-length").some((length) => length !== "0");
  if (!hasLength && fieldValues(headers, "transfer-encoding").length === 0) return undefined;
  return fault(400, "UNEXPECTED_BODY", "A WebSocket handshake must not have a body.");
}

function checkUpgrade(headers: readonly HeaderField[]): RequestFault | undefined {
  const protocols = parseProtocolList(joinedField(headers, "upgrade") ?? "");
  // RFC 6455 4.2.1, item 3.
  if (!includesIgnoringCase(protocols, "websocket")) {
    return fault(
      426,
      "INVALID_UPGRADE",
      `This is a WebSocket endpoint: the Upgrade header must contain "websocket".`,
    );
  }
  const options = parseTokenList(joinedField(headers, "connection") ?? "");
  // RFC 6455 4.2.1, item 4.
  if (!includesIgnoringCase(options, "upgrade")) {
    return fault(400, "INVALID_CONNECTION", `The Connection header must contain "Upgrade".`);
  }
  // RFC 6455 4.2.1, item 6; 4.2.2: the answer to another version contains the supported one.
  if (joinedField(headers, "sec-websocket-version") !== "13") {
    return fault(
      426,
      "UNSUPPORTED_VERSION",
      "This server only supports version 13: Sec-WebSocket-Version must be 13.",
    );
  }
  return undefined;
}

/** RFC 6455 4.2.1, item 1: the target is a path, or an absolute http or https url. */
function resourceOf(target: string): string | undefined {
  const [, rest] = /^(?:https?:\/\/[^/?#]+|(?=\/))([^#]*)$/i.exec(target) ?? [];
  return rest === undefined || rest.startsWith("/") ? rest : `/${rest}`;
}

/** RFC 6455 4.2.1, item 5: the key is 16 bytes in base64. 11.3.1: it occurs at most once. */
function keyOf(headers: readonly HeaderField[]): string | undefined {
  const [key, ...others] = fieldValues(headers, "sec-websocket-key");
  return key !== undefined && others.length === 0 && /^[A-Za-z\d+/]{22}==$/.test(key) ? key : undefined;
}

/** RFC 6455 4.1, request, item 10: one or more unique tokens. */
function subprotocolsOf(headers: readonly HeaderField[]): string[] | undefined {
  const value = joinedField(headers, "sec-websocket-protocol");
  if (value === undefined) return [];
  const subprotocols = parseTokenList(value);
  const isValid = subprotocols?.length !== 0 && new Set(subprotocols).size === subprotocols?.length;
  return isValid ? subprotocols : undefined;
}

function extensionsOf(headers: readonly HeaderField[]): ExtensionElement[] | undefined {
  const value = joinedField(headers, "sec-websocket-extensions");
  return value === undefined ? [] : parseExtensions(value);
}

function includesIgnoringCase(tokens: readonly string[] | undefined, lowerCaseToken: string): boolean {
  return tokens?.some((token) => token.toLowerCase() === lowerCaseToken) === true;
}

function fault(statusCode: number, code: string, message: string): RequestFault {
  return { kind: "fault", statusCode, code, message };
}
