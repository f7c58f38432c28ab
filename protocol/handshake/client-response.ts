// Checks the server's 101 response to a client's opening handshake. This module does not parse HTTP and does not handle
// other statuses.
import { HandshakeError, type HeaderField } from "../errors.js";
import type { AgreedExtension, ExtensionElement, ExtensionOffer } from "../extensions/extension.js";
import { fieldValues, joinedField } from "../http/header-fields.js";
import {
  includesIgnoringCase,
  parseExtensions,
  parseProtocolList,
  parseTokenList,
} from "../http/header-values.js";
import type { StatusLine } from "../http/start-line.js";
import type { ClientRequestOptions } from "./client-request.js";

/**
 * Checks a 101 response (RFC 6455 4.1, 4.2.2).
 *
 * @param accept - The Sec-WebSocket-Accept value for the key of the request.
 * @returns The negotiated subprotocol, which is empty if the server chose none, and the negotiated extension.
 * @throws HandshakeError for the first fault. The error has no status and no headers; the caller adds them.
 */
export function checkResponse(
  { minorVersion }: StatusLine,
  headers: readonly HeaderField[],
  accept: string,
  { subprotocols = [], offers = [] }: Partial<ClientRequestOptions>,
): { subprotocol: string; extension: AgreedExtension | undefined } {
  // RFC 9110 7.8: an HTTP/1.0 message cannot upgrade the connection.
  if (minorVersion === 0) {
    throw refusal(
      "MALFORMED_RESPONSE",
      "The server answered 101 with HTTP/1.0, which has no upgrades. Check for an old proxy before the server.",
    );
  }
  checkUpgrade(headers);
  checkAccept(headers, accept);
  return {
    subprotocol: chosenSubprotocol(headers, subprotocols),
    extension: agreedExtension(headers, offers),
  };
}

function checkUpgrade(headers: readonly HeaderField[]): void {
  // RFC 6455 4.1, response, item 2: Upgrade contains only "websocket".
  const protocols = parseProtocolList(joinedField(headers, "upgrade") ?? "");
  if (protocols?.join().toLowerCase() !== "websocket") {
    throw refusal(
      "INVALID_UPGRADE",
      `The server's 101 has no Upgrade header with only "websocket". Check for a proxy that removes it.`,
    );
  }
  // RFC 6455 4.1, response, item 3: Connection contains "Upgrade".
  if (!includesIgnoringCase(parseTokenList(joinedField(headers, "connection") ?? ""), "upgrade")) {
    throw refusal(
      "INVALID_CONNECTION",
      `The server's 101 has no Connection header with "Upgrade". Check for a proxy that removes it.`,
    );
  }
}

function checkAccept(headers: readonly HeaderField[], expected: string): void {
  const accepts = fieldValues(headers, "sec-websocket-accept");
  // RFC 6455 11.3.3: Sec-WebSocket-Accept must not occur more than once.
  if (accepts.length > 1) {
    throw refusal(
      "INVALID_ACCEPT",
      "The server's 101 has more than one Sec-WebSocket-Accept header. Fix the server.",
    );
  }
  // RFC 6455 4.1, response, item 4: the value of Sec-WebSocket-Accept depends on the key of the request.
  if (accepts[0] === expected) return;
  const fault =
    accepts.length === 0 ? "has no Sec-WebSocket-Accept" : "has a Sec-WebSocket-Accept for another key";
  throw refusal("INVALID_ACCEPT", `The server's 101 ${fault}. It may come from a cache: check the url.`);
}

function chosenSubprotocol(headers: readonly HeaderField[], offered: readonly string[]): string {
  const [chosen, ...others] = fieldValues(headers, "sec-websocket-protocol");
  if (chosen === undefined) return "";
  // RFC 6455 11.3.4: Sec-WebSocket-Protocol must not occur more than once in a response.
  if (others.length > 0) {
    throw refusal(
      "SUBPROTOCOL_MISMATCH",
      "The server's 101 has more than one Sec-WebSocket-Protocol header. Fix the server.",
    );
  }
  // RFC 6455 4.1, response, item 6: the server chooses one of the offered subprotocols.
  if (!offered.includes(chosen)) {
    const advice =
      offered.length === 0
        ? "Set the subprotocols option to the subprotocols that you support."
        : "Compare the spelling, including upper and lower case.";
    throw refusal(
      "SUBPROTOCOL_MISMATCH",
      `The server chose a subprotocol that was not offered (see headers). ${advice}`,
    );
  }
  return chosen;
}

function agreedExtension(
  headers: readonly HeaderField[],
  offers: readonly ExtensionOffer[],
): AgreedExtension | undefined {
  const value = joinedField(headers, "sec-websocket-extensions");
  if (value === undefined) return undefined;
  const elements = parseExtensions(value);
  if (elements === undefined) {
    throw refusal(
      "INVALID_EXTENSIONS",
      "The Sec-WebSocket-Extensions header of the server's 101 is malformed (RFC 6455 9.1). Connect without extensions.",
    );
  }
  const agreed = elements.map((element) => agree(element, offers));
  // RFC 6455 9.1: extensions that change the same part of a frame cannot be combined.
  if (agreed.length > 1) {
    throw refusal(
      "EXTENSION_MISMATCH",
      "The server accepted more than one extension, but only one can use the RSV1 bit. Offer only one extension.",
    );
  }
  return agreed[0];
}

/**
 * Finds the offer that matches the answer. RFC 7692 5.1: a client may offer one extension several times, with different
 * parameters.
 */
function agree({ name, parameters }: ExtensionElement, offers: readonly ExtensionOffer[]): AgreedExtension {
  // RFC 6455 4.1, response, item 5: the server chooses only offered extensions.
  let error: unknown = refusal(
    "EXTENSION_MISMATCH",
    `The server chose the extension "${name.slice(0, 64)}", which was not offered. Connect to this server without extensions.`,
  );
  for (const offer of offers.filter((each) => each.name === name)) {
    try {
      return offer.agree(parameters);
    } catch (reason) {
      error = reason;
    }
  }
  throw error;
}

function refusal(code: string, message: string): HandshakeError {
  return new HandshakeError(message, { code });
}
