import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JetSocketError } from "../../../protocol/errors.js";
import { ClientHandshake } from "../../../protocol/handshake/client-handshake.js";
import {
  ServerHandshake,
  type RejectOptions,
  type RequestResult,
} from "../../../protocol/handshake/server-handshake.js";
import type { HeadLimits } from "../../../protocol/http/head-parser.js";
import { parseUri } from "../../../protocol/uri.js";
import { cases } from "../../support/cases.js";
import { feed, splitsOf } from "../../support/splits.js";
import { levelAcceptor, levelOffer } from "./stand-in-extension.js";

const request =
  "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/** Returns the result of receiving `text`, which must be the same at every split. */
function receive(text: string, limits?: HeadLimits): RequestResult | undefined {
  const [whole, ...others] = splitsOf(Buffer.from(text, "latin1")).map((pieces) => {
    const handshake = new ServerHandshake(limits);
    const { result, offsetOf } = feed(pieces, (bytes, start, end) => handshake.receive(bytes, start, end));
    return result?.kind === "request" ? { ...result, consumed: offsetOf(result.consumed) } : result;
  });
  for (const other of others) expect(other).toEqual(whole);
  return whole;
}

/** Returns a handshake that has received a valid request. */
function withRequest(text = ""): ServerHandshake {
  const handshake = new ServerHandshake();
  expect(handshake.receive(Buffer.from(`${request}${text}\r\n`))?.kind).toBe("request");
  return handshake;
}

describe("ServerHandshake.receive", () => {
  it("returns a valid request and the end of the head", () => {
    const head = `${request}Origin: https://o\r\nSec-WebSocket-Protocol: a, b\r\n\r\n`;
    expect(receive(`${head}\u0081\u0080abcd`)).toEqual({
      kind: "request",
      request: {
        resource: "/chat",
        headers: expect.arrayContaining([["Host", "server.example.com"]]) as unknown,
        subprotocols: ["a", "b"],
        origin: "https://o",
      },
      consumed: head.length,
    });
  });

  it("waits for the end of the head", () => {
    expect(receive(request)).toBeUndefined();
  });

  it.each([
    ["GET / HTTP/1.1\n\n", 400, "MALFORMED_REQUEST", []],
    ["\u0016\u0003\u0001", 400, "MALFORMED_REQUEST", []],
    ["GET /\r\n", 400, "MALFORMED_REQUEST", []],
    [`${request}A : b\r\n\r\n`, 400, "MALFORMED_REQUEST", []],
    [`${request}${"A: b\r\n".repeat(96)}\r\n`, 431, "HEADERS_TOO_LARGE", []],
    ["POST / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "INVALID_METHOD", ["Allow: GET"]],
    ["GET / HTTP/1.0\r\nHost: h\r\n\r\n", 505, "INVALID_HTTP_VERSION", []],
    ["GET / HTTP/1.1\r\n\r\n", 400, "INVALID_HOST", []],
    [
      "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      426,
      "INVALID_UPGRADE",
      ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Connection: Upgrade, close"],
    ],
    [
      `${request.replace("13", "14")}\r\n`,
      426,
      "UNSUPPORTED_VERSION",
      ["Sec-WebSocket-Version: 13", "Connection: Upgrade, close"],
    ],
    [`${request}Sec-WebSocket-Key: a\r\n\r\n`, 400, "INVALID_KEY", ["Connection: close"]],
  ])("rejects %j", (text, statusCode, code, fields) => {
    const result = receive(text);
    if (result?.kind !== "rejected") throw new Error("The request was accepted.");
    expect(result.error).toMatchObject({ statusCode, code });
    const response = result.response.toString();
    const [head, body] = response.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${statusCode} \\w`));
    expect(head?.split("\r\n")).toEqual(
      expect.arrayContaining([...fields, "Content-Type: text/plain", `Content-Length: ${body?.length ?? 0}`]),
    );
    expect(body).toBe(`${result.error.message}\n`);
  });

  it("returns the same result on every later call", () => {
    const handshake = new ServerHandshake();
    const result = handshake.receive(Buffer.from(`${request}\r\n`));
    expect(handshake.receive(Buffer.from("more"))).toBe(result);
  });

  it("applies the limits of the head", () => {
    expect(receive(`${request}\r\n`, { maxHeaderSize: request.length + 2, maxHeaderFields: 5 })?.kind).toBe(
      "request",
    );
    expect(receive(`${request}\r\n`, { maxHeaderSize: request.length + 1 })?.kind).toBe("rejected");
    expect(receive(`${request}\r\n`, { maxHeaderFields: 4 })?.kind).toBe("rejected");
  });

  it("does not throw for any input", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.constantFrom(
        request,
        "GET / HTTP/1.1\r\n",
        "\r\n",
        "Sec-WebSocket-Extensions: ;\r\n",
        "Upgrade: a/b\r\n",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => void receive(pieces.join(""))),
      { numRuns: cases(40) },
    );
  });
});

describe("ServerHandshake.accept", () => {
  it("returns the response of RFC 6455 1.3", () => {
    expect(withRequest().accept()).toEqual({
      response: Buffer.from(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      ),
      extension: undefined,
      subprotocol: "",
    });
  });

  it("adds the subprotocol, the extension and headers", () => {
    const handshake = withRequest(
      "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: ext; level=1\r\n",
    );
    const { response, extension, subprotocol } = handshake.accept({
      subprotocol: "b",
      headers: [
        ["x-a", "1"],
        ["X-A", "2"],
      ],
      acceptors: [levelAcceptor("ext")],
    });
    expect(subprotocol).toBe("b");
    expect(extension?.header).toBe("ext; level=1");
    expect(response.toString()).toContain(
      "\r\nSec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: ext; level=1\r\nx-a: 1\r\nX-A: 2\r\n\r\n",
    );
  });

  it.each([
    ["the first acceptable offer", "ext; level=2, ext; level=1; a, ext; level=1; b", "ext; level=1; a"],
    ["an offer between others", "x, y; level=1, ext; level=1", "ext; level=1"],
    ["nothing if all offers are declined", "ext; level=2, ext", undefined],
    ["nothing if only other extensions are offered", "x; level=1", undefined],
  ])("negotiates %s", (_what, offered, header) => {
    const handshake = withRequest(`Sec-WebSocket-Extensions: ${offered}\r\n`);
    const { extension, response } = handshake.accept({ acceptors: [levelAcceptor("ext")] });
    expect(extension?.header).toBe(header);
    expect(response.includes("Sec-WebSocket-Extensions")).toBe(header !== undefined);
  });

  it("negotiates one extension, that of the first acceptor that accepts an offer", () => {
    const handshake = withRequest("Sec-WebSocket-Extensions: a; level=1, b; level=1\r\n");
    const acceptors = [levelAcceptor("a", "9"), levelAcceptor("b"), levelAcceptor("a")];
    expect(handshake.accept({ acceptors }).extension?.header).toBe("b; level=1");
  });

  it("throws for a subprotocol that was not offered and for invalid headers", () => {
    expect(() => withRequest().accept({ subprotocol: "a" })).toThrow(TypeError);
    expect(() => withRequest("Sec-WebSocket-Protocol: b\r\n").accept({ subprotocol: "a" })).toThrow(
      "was not offered",
    );
    expect(() => withRequest().accept({ headers: [["Upgrade", "x"]] })).toThrow(TypeError);
    expect(() => withRequest().accept({ headers: [["X", "a\r\nb"]] })).toThrow(TypeError);
  });

  it("throws without a valid request", () => {
    const handshake = new ServerHandshake();
    expect(() => handshake.accept()).toThrow(JetSocketError);
    handshake.receive(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    expect(() => handshake.accept()).toThrow("no valid request");
  });
});

describe("ServerHandshake.reject", () => {
  it.each<[number, RejectOptions | undefined, string]>([
    [403, undefined, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    [418, { body: "é" }, "HTTP/1.1 418 \r\nConnection: close\r\nContent-Length: 2\r\n\r\né"],
    [200, { body: Uint8Array.of(33) }, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n!"],
    [
      429,
      { headers: [["Retry-After", "5"]] },
      "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n",
    ],
    [599, {}, "HTTP/1.1 599 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
  ])("returns the response %i with %j", (statusCode, options, response) => {
    expect(withRequest().reject(statusCode, options).toString()).toBe(response);
  });

  it.each([101, 199, 204, 304, 600, 400.5, Number.NaN])("throws for the status %d", (statusCode) => {
    expect(() => withRequest().reject(statusCode)).toThrow(RangeError);
  });

  it.each(["Connection", "content-length", "Transfer-Encoding", "X Y"])(
    "throws for the header %s",
    (name) => {
      expect(() => withRequest().reject(400, { headers: [[name, "a"]] })).toThrow(TypeError);
    },
  );
});

describe("ClientHandshake and ServerHandshake", () => {
  const fillRandom = (bytes: Uint8Array): void => void bytes.fill(7);

  it("negotiate the same subprotocol and extension", () => {
    const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~\dA-Za-z]{1,8}$/);
    const subprotocols = fc.uniqueArray(token, { maxLength: 4 });
    const level = fc.constantFrom("1", "2");
    fc.assert(
      fc.property(subprotocols, fc.nat(4), fc.array(level), level, (offered, choice, levels, accepted) => {
        const client = new ClientHandshake({
          uri: parseUri("ws://h/p?q"),
          headers: [["X-User", "caf\u00e9"]],
          subprotocols: offered,
          offers: levels.map((each) => levelOffer("ext", each)),
          fillRandom,
        });
        const server = new ServerHandshake();
        const result = server.receive(client.request);
        if (result?.kind !== "request") throw new Error("The server refused the request.");
        expect(result.consumed).toBe(client.request.length);
        expect(result.request).toMatchObject({ resource: "/p?q", subprotocols: offered, origin: undefined });
        expect(result.request.headers).toContainEqual(["X-User", "caf\u00e9"]);

        const subprotocol = offered[choice] ?? "";
        const answer = server.accept({ subprotocol, acceptors: [levelAcceptor("ext", accepted)] });
        const extensions = levels.includes(accepted) ? `ext; level=${accepted}` : "";
        expect(answer.extension?.header ?? "").toBe(extensions);
        expect(client.receive(answer.response)).toMatchObject({
          kind: "accepted",
          subprotocol,
          extensions,
          consumed: answer.response.length,
        });
      }),
      { numRuns: cases(100) },
    );
  });

  it("pass a rejection with its headers and body", () => {
    const client = new ClientHandshake({ uri: parseUri("ws://h"), fillRandom });
    const server = new ServerHandshake();
    server.receive(client.request);
    const result = client.receive(
      server.reject(401, { body: "no", headers: [["WWW-Authenticate", "Basic"]] }),
    );
    if (result?.kind !== "rejected") throw new Error("The client accepted the rejection.");
    expect(result.error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 401 });
    expect(result.error.headers).toContainEqual(["WWW-Authenticate", "Basic"]);
    expect(result.error.body.toString()).toBe("no");
  });
});
