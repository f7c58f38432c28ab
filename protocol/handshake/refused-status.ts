import type { HeaderField } from "../errors.js";
import { fieldValues } from "../http/header-fields.js";
import { statusText } from "../http/status-text.js";
import { displayUrl } from "../uri.js";

const adviceByStatus: Readonly<Record<number, string>> = {
  400: "It found the request malformed: check the headers, subprotocols and query parameters that it expects.",
  401: "The credentials are missing, wrong or expired: check the Authorization header, the cookie or the token in the url.",
  403: "It denies access: check the credentials, and the Origin header where the server looks at it.",
  404: "It knows no WebSocket at this path: check the url.",
  405: "It knows no WebSocket at this path: check the url.",
  407: "A proxy on the way asks for credentials.",
  408: "It waited too long for the request: try again.",
  410: "This endpoint has been removed: look up the new url.",
  426: "It speaks another protocol or another version of WebSocket at this path: check the url.",
  429: "It has had too many requests: wait before the next attempt, as long as its Retry-After header says.",
  503: "It is overloaded or down: try again later.",
};

/** Says what an answer other than 101 means (RFC 6455 4.1, on the response, 1), without credentials. */
export function describeRefusedStatus(statusCode: number, headers: readonly HeaderField[]): string {
  const status = `${statusCode} ${statusText(statusCode)}`.trimEnd();
  const what = `The server answered ${status} instead of 101.`;
  const [location] = fieldValues(headers, "location");
  if (statusCode < 400 && statusCode >= 300 && location !== undefined) {
    return `${what} Redirects are not followed: connect to ${displayUrl(location).slice(0, 256)} where you trust it.`;
  }
  return `${what} ${adviceByStatus[statusCode] ?? adviceByClass(statusCode)}`;
}

function adviceByClass(statusCode: number): string {
  if (statusCode >= 500) return "It or a proxy before it has failed: try again later.";
  if (statusCode < 300)
    return "It takes this for an ordinary HTTP request: check the url, and the proxies on the way.";
  return "The body of the answer may say why.";
}
