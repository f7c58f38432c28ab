import { describe, expect, it } from "vitest";
import { HandshakeError, type HeaderField } from "../../../protocol/errors.js";
import { checkRequest } from "../../../protocol/handshake/server-request.js";

const required: Record<string, string> = {
  Host: "h",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};
const line = { method: "GET", target: "/", version: "1.1" };

/** The required fields, with fields of the same name replaced by `others`. */
function fieldsWith(...others: HeaderField[]): HeaderField[] {
  const names = new Set(others.map(([name]) => name));
  return [...Object.entries(required).filter(([name]) => !names.has(name)), ...others];
}

const without = (name: string): HeaderField[] => fieldsWith().filter(([each]) => each !== name);
const repeated = (name: string, ...values: string[]): HeaderField[] =>
  fieldsWith(...values.map((value): HeaderField => [name, value]));

describe("checkRequest with valid requests", () => {
  it("returns the values for the response", () => {
    const headers = fieldsWith(
      ["Origin", "https://o"],
      ["Sec-WebSocket-Protocol", "a, b"],
      ["sec-websocket-protocol", "c"],
      ["Sec-WebSocket-Extensions", "x; y=1"],
      ["Sec-WebSocket-Extensions", "x"],
    );
    expect(checkRequest({ ...line, target: "/p?q" }, headers)).toEqual({
      request: { resource: "/p?q", headers, subprotocols: ["a", "b", "c"], origin: "https://o" },
      key: "dGhlIHNhbXBsZSBub25jZQ==",
      extensions: [
        { name: "x", parameters: [["y", "1"]] },
        { name: "x", parameters: [] },
      ],
    });
  });

  it("does not need optional fields", () => {
    expect(checkRequest(line, fieldsWith())).toMatchObject({
      request: { resource: "/", subprotocols: [], origin: undefined },
      extensions: [],
    });
  });

  it.each<[string, HeaderField[]]>([
    ["Upgrade in mixed case", fieldsWith(["Upgrade", "WebSocket"])],
    ["more protocols in Upgrade", fieldsWith(["Upgrade", "HTTP/2.0, websocket"])],
    ["more options in Connection", fieldsWith(["Connection", "keep-alive, UPGRADE"])],
    ["field names in lower case", fieldsWith().map(([name, value]) => [name.toLowerCase(), value])],
    ["Content-Length 0", fieldsWith(["Content-Length", "0"])],
    // This key is an example in RFC 6455 4.1. Its last character contains two bits too many.
    ["a key with surplus bits", fieldsWith(["Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC=="])],
  ])("accepts %s", (_what, headers) => {
    expect(() => checkRequest(line, headers)).not.toThrow();
  });

  it.each([
    ["/", "/"],
    ["/a//b?c=/d?e", "/a//b?c=/d?e"],
    ["//h/p", "//h/p"],
    ["http://h/p?q", "/p?q"],
    ["HTTPS://h:1/", "/"],
    ["http://h", "/"],
    ["http://h?q", "/?q"],
  ])("returns the resource of the target %s", (target, resource) => {
    expect(checkRequest({ ...line, target }, fieldsWith())).toMatchObject({ request: { resource } });
  });

  it("accepts later versions of HTTP/1", () => {
    expect(() => checkRequest({ ...line, version: "1.2" }, fieldsWith())).not.toThrow();
  });
});

describe("checkRequest with invalid requests", () => {
  it.each<[string, Partial<typeof line>, HeaderField[], number, string]>([
    ["POST", { method: "POST" }, fieldsWith(), 405, "INVALID_METHOD"],
    ["get", { method: "get" }, fieldsWith(), 405, "INVALID_METHOD"],
    ["HTTP/1.0", { version: "1.0" }, fieldsWith(), 505, "INVALID_HTTP_VERSION"],
    ["HTTP/2.0", { version: "2.0" }, fieldsWith(), 505, "INVALID_HTTP_VERSION"],
    ["HTTP/0.9", { version: "0.9" }, fieldsWith(), 505, "INVALID_HTTP_VERSION"],
    ["a target that is not a path", { target: "*" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["a target without a slash", { target: "p" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["a target with another scheme", { target: "ftp://h/" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["a target without a host", { target: "http:///p" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["a fragment", { target: "/p#f" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["a fragment in an absolute url", { target: "http://h/p#" }, fieldsWith(), 400, "INVALID_RESOURCE"],
    ["no Host", {}, without("Host"), 400, "INVALID_HOST"],
    ["an empty Host", {}, fieldsWith(["Host", ""]), 400, "INVALID_HOST"],
    ["two Hosts", {}, repeated("Host", "h", "h"), 400, "INVALID_HOST"],
    ["a body", {}, fieldsWith(["Content-Length", "5"]), 400, "UNEXPECTED_BODY"],
    ["a body of one byte", {}, fieldsWith(["Content-Length", "1"]), 400, "UNEXPECTED_BODY"],
    ["two different Content-Length fields", {}, repeated("Content-Length", "0", "5"), 400, "UNEXPECTED_BODY"],
    ["a body in chunks", {}, fieldsWith(["Transfer-Encoding", "chunked"]), 400, "UNEXPECTED_BODY"],
    ["no Upgrade", {}, without("Upgrade"), 426, "INVALID_UPGRADE"],
    ["another Upgrade", {}, fieldsWith(["Upgrade", "h2c"]), 426, "INVALID_UPGRADE"],
    ["a malformed Upgrade", {}, fieldsWith(["Upgrade", "websocket;"]), 426, "INVALID_UPGRADE"],
    ["no Connection", {}, without("Connection"), 400, "INVALID_CONNECTION"],
    ["another Connection", {}, fieldsWith(["Connection", "close"]), 400, "INVALID_CONNECTION"],
    ["a malformed Connection", {}, fieldsWith(["Connection", "Upgrade;"]), 400, "INVALID_CONNECTION"],
    ["no version", {}, without("Sec-WebSocket-Version"), 426, "UNSUPPORTED_VERSION"],
    ["version 8", {}, fieldsWith(["Sec-WebSocket-Version", "8"]), 426, "UNSUPPORTED_VERSION"],
    ["version 013", {}, fieldsWith(["Sec-WebSocket-Version", "013"]), 426, "UNSUPPORTED_VERSION"],
    ["two versions", {}, repeated("Sec-WebSocket-Version", "13", "8"), 426, "UNSUPPORTED_VERSION"],
    ["no key", {}, without("Sec-WebSocket-Key"), 400, "INVALID_KEY"],
    ["an empty key", {}, fieldsWith(["Sec-WebSocket-Key", ""]), 400, "INVALID_KEY"],
    ["a key of 15 bytes", {}, fieldsWith(["Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"]), 400, "INVALID_KEY"],
    [
      "a key of 17 bytes",
      {},
      fieldsWith(["Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc="]),
      400,
      "INVALID_KEY",
    ],
    [
      "a key without padding",
      {},
      fieldsWith(["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"]),
      400,
      "INVALID_KEY",
    ],
    [
      "a key in base64url",
      {},
      fieldsWith(["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j-_=="]),
      400,
      "INVALID_KEY",
    ],
    [
      "two keys",
      {},
      repeated("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
      400,
      "INVALID_KEY",
    ],
    ["an empty subprotocol", {}, fieldsWith(["Sec-WebSocket-Protocol", ""]), 400, "INVALID_SUBPROTOCOLS"],
    [
      "malformed subprotocols",
      {},
      fieldsWith(["Sec-WebSocket-Protocol", "a b"]),
      400,
      "INVALID_SUBPROTOCOLS",
    ],
    [
      "a repeated subprotocol",
      {},
      fieldsWith(["Sec-WebSocket-Protocol", "a, b, a"]),
      400,
      "INVALID_SUBPROTOCOLS",
    ],
    ["empty extensions", {}, fieldsWith(["Sec-WebSocket-Extensions", ""]), 400, "INVALID_EXTENSIONS"],
    ["malformed extensions", {}, fieldsWith(["Sec-WebSocket-Extensions", "a;"]), 400, "INVALID_EXTENSIONS"],
  ])("rejects %s", (_what, change, headers, statusCode, code) => {
    const check = (): unknown => checkRequest({ ...line, ...change }, headers);
    expect(check).toThrow(HandshakeError);
    expect(check).toThrow(expect.objectContaining({ statusCode, code }));
    expect(check).toThrow(/\.$/);
  });
});
