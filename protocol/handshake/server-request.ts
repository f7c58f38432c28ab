// Checks a client's parsed request against RFC 6455 4.2.1. This module does not decide whether the server accepts the
// request.
import { HandshakeError, type HeaderField } from "../errors.js";
import type { ExtensionElement } from "../extensions/extension.js";
import { fieldValues, joinedField } from "../http/header-fields.js";
import {
  includesIgnoringCase,
  parseExtensions,
  parseProtocolList,
  parseTokenList,
} from "../http/header-values.js";
import type { RequestLine } from "../http/start-line.js";

/** A client's valid request. */
export interface ServerRequest {
  /** The path and query of the url, which RFC 6455 3 calls the resource name. */
  readonly resource: string;
  /** The header fields in the received order and spelling, with repeats. */
  readonly headers: readonly HeaderField[];
  /** The offered subprotocols in the client's order of preference. */
  readonly subprotocols: readonly string[];
  /** The Origin header, which browsers send (RFC 6455 10.2). `undefined` if there is none. */
  readonly origin: string | undefined;
}

/** A valid request, with the key and the extensions from which the response is made. */
export interface ValidRequest {
  readonly request: ServerRequest;
  readonly key: string;
  readonly extensions: readonly ExtensionElement[];
}

/**
 * Checks a client's opening handshake (RFC 6455 4.2.1).
 *
 * @throws HandshakeError for the first fault, with the status of the response.
 */
export function checkRequest(line: RequestLine, headers: readonly HeaderField[]): ValidRequest {
  checkRequestLine(line);
  checkHost(headers);
  checkBody(headers);
  checkUpgrade(headers);
  const resource = resourceOf(line.target);
  const key = keyOf(headers);
  const subprotocols = subprotocolsOf(headers);
  const extensions = extensionsOf(headers);
  const [origin] = fieldValues(headers, "origin");
  return { request: { resource, headers, subprotocols, origin }, key, extensions };
}

function checkRequestLine({ method, version }: RequestLine): void {
  // RFC 6455 4.2.1, item 1: the method is GET and the version is HTTP/1.1 or higher.
  if (method !== "GET") throw fault(405, "INVALID_METHOD", "A WebSocket handshake must be a GET request.");
  if (!/^1\.[1-9]$/.test(version)) {
    throw fault(505, "INVALID_HTTP_VERSION", "A WebSocket handshake must use HTTP/1.1.");
  }
}

function checkHost(headers: readonly HeaderField[]): void {
  const hosts = fieldValues(headers, "host");
  // RFC 6455 4.2.1, item 2; RFC 9112 3.2: a request that does not have exactly one Host field gets the status 400.
  if (hosts.length === 1 && hosts[0] !== "") return;
  throw fault(400, "INVALID_HOST", "The request must have exactly one Host header.");
}

/** Rejects a request with a body, because the bytes of the body would be parsed as frames. */
function checkBody(headers: readonly HeaderField[]): void {
  const hasLength = fieldValues(headers, "content-length").some((length) => length !== "0");
  if (!hasLength && fieldValues(headers, "transfer-encoding").length === 0) return;
  throw fault(400, "UNEXPECTED_BODY", "A WebSocket handshake must not have a body.");
}

function checkUpgrade(headers: readonly HeaderField[]): void {
  const protocols = parseProtocolList(joinedField(headers, "upgrade") ?? "");
  // RFC 6455 4.2.1, item 3: Upgrade contains "websocket".
  if (!includesIgnoringCase(protocols, "websocket")) {
    throw fault(
      426,
      "INVALID_UPGRADE",
      `This is a WebSocket endpoint: the Upgrade header must contain "websocket".`,
    );
  }
  const options = parseTokenList(joinedField(headers, "connection") ?? "");
  // RFC 6455 4.2.1, item 4: Connection contains "Upgrade".
  if (!includesIgnoringCase(options, "upgrade")) {
    throw fault(400, "INVALID_CONNECTION", `The Connection header must contain "Upgrade".`);
  }
  // RFC 6455 4.2.1, item 6; 4.2.2: if a request has another version, the response contains the supported version.
  if (joinedField(headers, "sec-websocket-version") !== "13") {
    throw fault(
      426,
      "UNSUPPORTED_VERSION",
      "This server only supports version 13: Sec-WebSocket-Version must be 13.",
    );
  }
}

/** RFC 6455 4.2.1, item 1: the target is a path, or an absolute http or https url. */
function resourceOf(target: string): string {
  const [, rest] = /^(?:https?:\/\/[^/?#]+|(?=\/))([^#]*)$/i.exec(target) ?? [];
  if (rest !== undefined) return rest.startsWith("/") ? rest : `/${rest}`;
  throw fault(400, "INVALID_RESOURCE", "The target of the request must be a path, without a fragment.");
}

/** RFC 6455 4.2.1, item 5: the key is 16 bytes in base64. RFC 6455 11.3.1: the key occurs at most once. */
function keyOf(headers: readonly HeaderField[]): string {
  const [key, ...others] = fieldValues(headers, "sec-websocket-key");
  if (key !== undefined && others.length === 0 && /^[A-Za-z\d+/]{22}==$/.test(key)) return key;
  const message = "The request must have exactly one Sec-WebSocket-Key of 16 bytes in base64.";
  throw fault(400, "INVALID_KEY", message);
}

/** RFC 6455 4.1, request, item 10: Sec-WebSocket-Protocol contains one or more unique tokens. */
function subprotocolsOf(headers: readonly HeaderField[]): string[] {
  const value = joinedField(headers, "sec-websocket-protocol");
  if (value === undefined) return [];
  const subprotocols = parseTokenList(value) ?? [];
  if (subprotocols.length > 0 && new Set(subprotocols).size === subprotocols.length) return subprotocols;
  throw fault(400, "INVALID_SUBPROTOCOLS", "Sec-WebSocket-Protocol must be a list of unique tokens.");
}

function extensionsOf(headers: readonly HeaderField[]): ExtensionElement[] {
  const value = joinedField(headers, "sec-websocket-extensions");
  const extensions = value === undefined ? [] : parseExtensions(value);
  if (extensions !== undefined) return extensions;
  const message = "Sec-WebSocket-Extensions does not match the grammar of RFC 6455 9.1.";
  throw fault(400, "INVALID_EXTENSIONS", message);
}

/** @param statusCode - The status of the response that refuses the request. */
export function fault(statusCode: number, code: string, message: string): HandshakeError {
  return new HandshakeError(message, { code, statusCode });
}
