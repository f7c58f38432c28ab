import { HandshakeError, type HeaderField } from "../errors.js";
import type { AgreedExtension, ExtensionElement, ExtensionOffer } from "../extensions/extension.js";
import { fieldValues, joinedField } from "../http/header-fields.js";
import { parseExtensions, parseProtocolList, parseTokenList } from "../http/header-values.js";
import type { StatusLine } from "../http/start-line.js";

/** What a valid 101 must answer to. */
export interface ExpectedResponse {
  /** The Sec-WebSocket-Accept that belongs to the key that was sent. */
  readonly accept: string;
  readonly subprotocols: readonly string[];
  readonly offers: readonly ExtensionOffer[];
}

/** What both ends have agreed on. */
export interface Agreement {
  /** Empty where the server chose none. */
  readonly subprotocol: string;
  readonly extension: AgreedExtension | undefined;
}

/**
 * Checks a 101 (RFC 6455 4.1, 4.2.2).
 *
 * @throws HandshakeError, without status and headers, at the first one that is not as it must be.
 */
export function checkResponse(
  { minorVersion }: StatusLine,
  headers: readonly HeaderField[],
  expected: ExpectedResponse,
): Agreement {
  // RFC 9110 7.8: HTTP/1.0 knows no upgrade.
  if (minorVersion === 0) {
    throw refusal(
      "MALFORMED_RESPONSE",
      "The server answered 101 with HTTP/1.0, which knows no upgrade. Look for an old proxy on the way.",
    );
  }
  checkUpgrade(headers);
  checkAccept(headers, expected.accept);
  return {
    subprotocol: chosenSubprotocol(headers, expected.subprotocols),
    extension: agreedExtension(headers, expected.offers),
  };
}

function checkUpgrade(headers: readonly HeaderField[]): void {
  // RFC 6455 4.1, on the response, 2.
  if (!isOnly(joinedField(headers, "upgrade") ?? "", "websocket")) {
    throw refusal(
      "INVALID_UPGRADE",
      `The server's 101 does not upgrade to WebSocket: its Upgrade header must be "websocket". Look for a proxy on the way that does not pass upgrades on.`,
    );
  }
  // RFC 6455 4.1, on the response, 3.
  if (!isAmong(joinedField(headers, "connection") ?? "", "upgrade")) {
    throw refusal(
      "INVALID_CONNECTION",
      `The server's 101 has no "Upgrade" in its Connection header. Look for a proxy on the way that takes it out.`,
    );
  }
}

/** The list has this one protocol; most values are the name itself, and need no reading. */
function isOnly(value: string, protocol: string): boolean {
  if (value.toLowerCase() === protocol) return true;
  const protocols = parseProtocolList(value);
  return protocols?.length === 1 && protocols[0]?.toLowerCase() === protocol;
}

function isAmong(value: string, token: string): boolean {
  if (value.toLowerCase() === token) return true;
  return parseTokenList(value)?.some((one) => one.toLowerCase() === token) === true;
}

function checkAccept(headers: readonly HeaderField[], expected: string): void {
  if (joinedField(headers, "sec-websocket-accept") === expected) return;
  const accepts = fieldValues(headers, "sec-websocket-accept");
  // RFC 6455 4.1, on the response, 4; 11.3.3: it must not appear more than once.
  if (accepts.length > 1) {
    throw refusal(
      "INVALID_ACCEPT",
      "The server's 101 has more than one Sec-WebSocket-Accept. The server must send one.",
    );
  }
  const what =
    accepts.length === 0
      ? "has no Sec-WebSocket-Accept"
      : "has a Sec-WebSocket-Accept that belongs to another key";
  throw refusal(
    "INVALID_ACCEPT",
    `The server's 101 ${what}. A cache or a server without WebSocket has answered: check the url.`,
  );
}

function chosenSubprotocol(headers: readonly HeaderField[], offered: readonly string[]): string {
  const chosen = joinedField(headers, "sec-websocket-protocol");
  if (chosen === undefined) return "";
  // RFC 6455 11.3.4: it must not appear more than once in a response.
  if (fieldValues(headers, "sec-websocket-protocol").length > 1) {
    throw refusal(
      "SUBPROTOCOL_MISMATCH",
      "The server's 101 has more than one Sec-WebSocket-Protocol. The server must choose one.",
    );
  }
  // RFC 6455 4.1, on the response, 6.
  if (!offered.includes(chosen)) {
    const cure =
      offered.length === 0
        ? "Name the subprotocols that you speak."
        : "Compare the spelling, capital letters too.";
    throw refusal(
      "SUBPROTOCOL_MISMATCH",
      `The server chose a subprotocol that was not offered (see the error's headers). ${cure}`,
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
      "The Sec-WebSocket-Extensions header of the server's 101 breaks the grammar of RFC 6455 9.1. Connect without extensions to this server.",
    );
  }
  const agreed = elements.map((element) => agree(element, offers));
  // RFC 6455 9.1: extensions that change the same part of a frame cannot be used together.
  if (agreed.length > 1) {
    throw refusal(
      "EXTENSION_MISMATCH",
      "The server accepted more than one extension, or one twice, and each claims the RSV1 bit. Offer it one alone.",
    );
  }
  return agreed[0];
}

/** A name may be offered twice with other parameters (RFC 7692 5.1): the answer is to fit one of the offers. */
function agree({ name, parameters }: ExtensionElement, offers: readonly ExtensionOffer[]): AgreedExtension {
  // RFC 6455 4.1, on the response, 5.
  let error: unknown = refusal(
    "EXTENSION_MISMATCH",
    `The server chose the extension "${name.slice(0, 64)}", which was not offered. Connect without extensions to this server.`,
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
