// Error messages for a server that answers the opening handshake with a status other than 101.
import { displayUrl } from "../display/display-url.js";
import type { HeaderField } from "../errors.js";
import { fieldValues } from "../http/header-fields.js";
import { statusText } from "../http/status-text.js";

const noEndpoint = "There is no WebSocket endpoint at this path: check the url.";

const adviceByStatus: Readonly<Record<number, string>> = {
  400: "The request is malformed: check the headers and the query.",
  401: "The credentials are missing, wrong or expired: check them.",
  403: "It denies access: check the credentials and the Origin header.",
  404: noEndpoint,
  405: noEndpoint,
  407: "A proxy requires credentials: set the option proxy.",
  408: "It waited too long for the request: try again.",
  410: "This endpoint has been removed: find out its new url.",
  426: "It requires another protocol or version at this path: check the url.",
  429: "It received too many requests: wait before the next attempt.",
  503: "It is overloaded or down: try again later.",
};

/** Describes a response other than 101 (RFC 6455 4.1, response, item 1). The text contains no credentials. */
export function describeRefusedStatus(statusCode: number, headers: readonly HeaderField[]): string {
  const status = `${statusCode} ${statusText(statusCode)}`.trimEnd();
  const summary = `The server answered ${status} instead of 101.`;
  const [location] = fieldValues(headers, "location");
  if (statusCode < 400 && statusCode >= 300 && location !== undefined) {
    return `${summary} The redirect was not followed: connect to ${displayUrl(location).slice(0, 256)} if you trust it.`;
  }
  return `${summary} ${adviceByStatus[statusCode] ?? adviceByClass(statusCode)}`;
}

function adviceByClass(statusCode: number): string {
  if (statusCode >= 500) return "It has failed: try again later.";
  if (statusCode < 300) return "It handled this as an ordinary HTTP request: check the url.";
  return "The body of the response may contain the reason.";
}
