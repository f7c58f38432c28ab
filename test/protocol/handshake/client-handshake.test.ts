import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../../protocol/errors.js";
import { acceptKey } from "../../../protocol/handshake/accept-key.js";
import {
  ClientHandshake,
  type ClientHandshakeOptions,
  type HandshakeResult,
} from "../../../protocol/handshake/client-handshake.js";
import { parseUri } from "../../../protocol/uri.js";
import { cases } from "../../support/cases.js";
import { feed, splitsOf } from "../../support/splits.js";
import { levelOffer } from "./stand-in-extension.js";

const upgraded =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

function start(options: Partial<ClientHandshakeOptions> = {}): ClientHandshake {
  return new ClientHandshake({
    uri: parseUri("ws://user:hunter2@server.example.com/chat?token=hunter2"),
    fillRandom: (bytes) => void Buffer.from("the sample nonce").copy(bytes),
    subprotocols: ["chat"],
    offers: [levelOffer("ext")],
    ...options,
  });
}

/** Returns the result of receiving `text`, which must be the same at every split. `ends`: the stream ends after it. */
function answer(
  text: string,
  ends = false,
  options?: Partial<ClientHandshakeOptions>,
): HandshakeResult | undefined {
  const [whole, ...others] = splitsOf(Buffer.from(text, "latin1")).map((pieces) => {
    const handshake = start(options);
    const fed = feed(pieces, (bytes, from, to) => handshake.receive(bytes, from, to));
    const result = fed.result ?? (ends ? handshake.receiveEnd() : undefined);
    return result?.kind === "accepted" ? { ...result, consumed: fed.offsetOf(result.consumed) } : result;
  });
  for (const other of others) expect(facts(other)).toEqual(facts(whole));
  return whole;
}

/** The content of a result as plain values. */
function facts(result: HandshakeResult | undefined): unknown {
  if (result?.kind !== "rejected") return result && { ...result, extension: result.extension?.header };
  const { message, code, statusCode, headers, body, cause } = result.error;
  return { message, code, statusCode, headers, body: body.toString("latin1"), cause };
}

function rejected(result: HandshakeResult | undefined): HandshakeError {
  if (result?.kind !== "rejected") throw new Error(`The result is ${String(result?.kind)}.`);
  expect(result.error).toBeInstanceOf(HandshakeError);
  expect(result.error.message).not.toContain("hunter2");
  return result.error;
}

describe("ClientHandshake", () => {
  it("builds the request from its options", () => {
    const text = start().request.toString();
    expect(text).toContain("GET /chat?token=hunter2 HTTP/1.1\r\nHost: server.example.com\r\n");
    expect(text).toContain("\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    expect(text).toContain("\r\nSec-WebSocket-Protocol: chat\r\n");
    expect(text).toContain("\r\nSec-WebSocket-Extensions: ext; level=1\r\n");
  });

  it("needs only a url and a random source", () => {
    const options = { uri: parseUri("ws://h"), fillRandom: (): void => {} };
    expect(new ClientHandshake(options).request.toString()).not.toMatch(/Protocol|Extensions/);
  });

  it("reuses the request of a previous handshake with a new key", () => {
    const previous = start();
    const options = {
      uri: parseUri("ws://user:hunter2@server.example.com/chat?token=hunter2"),
      fillRandom: (bytes: Uint8Array): void => void Buffer.from("another nonce 16").copy(bytes),
      ...{ subprotocols: ["chat"], offers: [levelOffer("ext")] },
    };
    const handshake = new ClientHandshake(options, previous);
    const key = Buffer.from("another nonce 16").toString("base64");
    expect(handshake.request.toString()).toBe(
      previous.request.toString().replace("dGhlIHNhbXBsZSBub25jZQ==", key),
    );
    expect(previous.request.toString()).toContain("dGhlIHNhbXBsZSBub25jZQ==");
    expect(rejected(handshake.receive(Buffer.from(`${upgraded}\r\n`))).code).toBe("INVALID_ACCEPT");
    const answered = upgraded.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", acceptKey(key));
    const anotherHandshake = new ClientHandshake(options, previous);
    expect(anotherHandshake.receive(Buffer.from(`${answered}\r\n`))).toMatchObject({ kind: "accepted" });
  });

  it("throws for invalid options", () => {
    expect(() => start({ headers: [["Connection", "close"]] })).toThrow(TypeError);
    expect(() => start({ subprotocols: ["a b"] })).toThrow(TypeError);
  });
});

describe("ClientHandshake that receives a 101 response", () => {
  it("accepts a valid response", () => {
    expect(answer(`${upgraded}\r\n`)).toEqual({
      kind: "accepted",
      headers: [
        ["Upgrade", "websocket"],
        ["Connection", "Upgrade"],
        ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
      ],
      subprotocol: "",
      extensions: "",
      extension: undefined,
      consumed: upgraded.length + 2,
    });
  });

  it("returns the negotiated values and the end of the head", () => {
    const head = `${upgraded}Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: ext;level="1"\r\n\r\n`;
    const result = answer(`${head}\u0081\u0002hi`);
    expect(result).toMatchObject({
      kind: "accepted",
      subprotocol: "chat",
      extensions: "ext; level=1",
      extension: { header: "ext; level=1" },
      consumed: head.length,
    });
  });

  it("accepts it after interim responses", () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    expect(answer(`${interim}${upgraded}\r\n`)).toMatchObject({ kind: "accepted" });
    expect(answer(`${"HTTP/1.1 102 x\r\n\r\n".repeat(8)}${upgraded}\r\n`)).toMatchObject({
      kind: "accepted",
    });
  });

  it("does not set isRefused before or after it", () => {
    const handshake = start();
    expect(handshake.isRefused).toBe(false);
    handshake.receive(Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${upgraded}`));
    expect(handshake.isRefused).toBe(false);
    handshake.receive(Buffer.from("\r\n"));
    expect(handshake.isRefused).toBe(false);
  });

  it("returns the same result on every later call", () => {
    const handshake = start();
    const bytes = Buffer.from(`${upgraded}\r\n`);
    const result = handshake.receive(bytes);
    expect(result?.kind).toBe("accepted");
    expect(handshake.receive(Buffer.from("more"))).toBe(result);
    expect(handshake.receiveEnd()).toBe(result);
    expect(handshake.rejection()).toBeUndefined();
  });

  it("rejects an invalid field, with the status and headers of the response", () => {
    const error = rejected(answer(`${upgraded.replace("websocket", "h2c")}X: y\r\n\r\n`));
    expect(error).toMatchObject({ code: "INVALID_UPGRADE", statusCode: 101 });
    expect(error.headers).toContainEqual(["X", "y"]);
    expect(error.body.length).toBe(0);
  });

  it("rejects with the error that the offer throws", () => {
    const error = rejected(answer(`${upgraded}Sec-WebSocket-Extensions: ext; level=2\r\n\r\n`));
    expect(error).toMatchObject({ code: "EXTENSION_MISMATCH", statusCode: 101, cause: "level" });
    expect(error.message).toBe("Level 1 was offered.");
    expect(error.headers).toHaveLength(4);
  });

  it("rejects if an offer throws another exception, which becomes the cause", () => {
    const fault = new RangeError("bug");
    const offer = {
      ...levelOffer("ext"),
      agree: (): never => {
        throw fault;
      },
    };
    const error = rejected(
      answer(`${upgraded}Sec-WebSocket-Extensions: ext\r\n\r\n`, false, { offers: [offer] }),
    );
    expect(error).toMatchObject({ code: "EXTENSION_MISMATCH", statusCode: 101 });
    expect(error.cause).toBe(fault);
  });

  it("rejects a response with HTTP/1.0", () => {
    const error = rejected(answer(`${upgraded.replace("HTTP/1.1", "HTTP/1.0")}\r\n`));
    expect(error).toMatchObject({ code: "MALFORMED_RESPONSE", statusCode: 101 });
  });
});

describe("ClientHandshake that receives another status", () => {
  const head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n";

  it.each([
    ["with Content-Length", `${head}Content-Length: 4\r\n\r\nnope`, "nope"],
    ["with Content-Length and more bytes after it", `${head}Content-Length: 4\r\n\r\nnope!!`, "nope"],
    ["with Content-Length 0", `${head}Content-Length: 0\r\n\r\n`, ""],
    ["in chunks", `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n2\r\npe\r\n0\r\n\r\n`, "nope"],
    ["in invalid chunks", `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n2x`, "no"],
    ["after an interim response", `HTTP/1.1 100 x\r\n\r\n${head}Content-Length: 4\r\n\r\nnope`, "nope"],
  ])("rejects with the received body %s", (_what, text, body) => {
    const error = rejected(answer(text));
    expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 401 });
    expect(error.headers[0]).toEqual(["WWW-Authenticate", "Basic"]);
    expect(error.body.toString()).toBe(body);
    expect(error.message).toContain("401 Unauthorized");
  });

  it.each([
    ["no Content-Length", `${head}\r\nnope`, "nope"],
    ["fewer bytes than its Content-Length", `${head}Content-Length: 40\r\n\r\nnope`, "nope"],
    ["an incomplete chunk", `${head}Transfer-Encoding: chunked\r\n\r\n20\r\nnope`, "nope"],
    ["no bytes", `${head}\r\n`, ""],
  ])("rejects with the received part of a body with %s when the stream ends", (_what, text, body) => {
    expect(answer(text)).toBeUndefined();
    const error = rejected(answer(text, true));
    expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 401 });
    expect(error.body.toString()).toBe(body);
  });

  it("shows the target of a redirect", () => {
    const text = "HTTP/1.1 302 Found\r\nLocation: https://u:hunter2@other/\r\nContent-Length: 0\r\n\r\n";
    const error = rejected(answer(text));
    expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 302 });
    expect(error.message).toContain("https://other/");
  });

  it("reads a response with HTTP/1.0", () => {
    const error = rejected(answer("HTTP/1.0 503 x\r\n\r\nbusy", true));
    expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 503 });
    expect(error.body.toString()).toBe("busy");
  });

  it.each([
    [65_535, undefined, false],
    [65_536, undefined, true],
    [65_537, undefined, true],
    [9, 10, false],
    [10, 10, true],
    [11, 10, true],
  ])("receives %i bytes of a body with the limit %j", (size, maxBodySize, isComplete) => {
    for (const framing of ["", "Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"]) {
      const handshake = start({ maxBodySize });
      expect(handshake.receive(Buffer.from(`${head}${framing}\r\n`))).toBeUndefined();
      if (framing.startsWith("T")) handshake.receive(Buffer.from("F4240\r\n"));
      const result = handshake.receive(Buffer.alloc(size, "x"));
      expect(result !== undefined).toBe(isComplete);
      const error = rejected(handshake.rejection());
      expect(error.body).toEqual(Buffer.alloc(Math.min(size, maxBodySize ?? 65_536), "x"));
    }
  });

  it("copies the body", () => {
    const handshake = start();
    const bytes = Buffer.from(`${head}Content-Length: 4\r\n\r\nnope`);
    const error = rejected(handshake.receive(bytes));
    bytes.fill(0);
    expect(error.body.toString()).toBe("nope");
  });

  it("can be rejected before its body is complete", () => {
    const handshake = start();
    const bytes = Buffer.from(`${head}\r\n`);
    expect(handshake.rejection()).toBeUndefined();
    handshake.receive(bytes.subarray(0, -1));
    expect(handshake.rejection()).toBeUndefined();
    handshake.receive(bytes.subarray(-1));
    handshake.receive(Buffer.from("part"));
    const result = handshake.rejection();
    const error = rejected(result);
    expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode: 401 });
    expect(error.body.toString()).toBe("part");
    expect(handshake.rejection()).toBe(result);
    expect(handshake.receive(Buffer.from("more"))).toBe(result);
    expect(handshake.receiveEnd()).toBe(result);
  });
});

describe("ClientHandshake that receives anything else", () => {
  it.each([
    ["SSH-2.0-OpenSSH_9.6\r\n", "MALFORMED_RESPONSE", "port"],
    ["\u0015\u0003\u0001\u0000\u0002\u0002F", "MALFORMED_RESPONSE", "use wss:"],
    ["\u0016\u0003\u0001", "MALFORMED_RESPONSE", "use wss:"],
    ["HTTP/1.1 101 x\nUpgrade: websocket\n\n", "MALFORMED_RESPONSE", "line feed"],
    [`${upgraded}A : b\r\n\r\n`, "MALFORMED_RESPONSE", "no valid name"],
    [`${upgraded}A: b\r\n c\r\n\r\n`, "MALFORMED_RESPONSE", "whitespace"],
    [`HTTP/1.1 101 x\r\n${"A: b\r\n".repeat(101)}`, "HEADERS_TOO_LARGE", "100 fields"],
    [`HTTP/1.1 401 x\r\n${"A: b\r\n".repeat(101)}`, "HEADERS_TOO_LARGE", "100 fields"],
    ["HTTP/1.1 100 x\r\n\r\n".repeat(9), "TOO_MANY_INTERIM_RESPONSES", "8 interim"],
  ])("rejects %j", (text, code, part) => {
    const error = rejected(answer(text));
    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
    expect(error.message).toMatch(/\.$/);
  });

  it.each([
    ["", "without a response"],
    ["HTTP/1.1", "in the middle"],
    [upgraded, "in the middle"],
    ["HTTP/1.1 100 x\r\n\r\n", "in the middle"],
  ])("rejects if the stream ends after %j", (text, part) => {
    expect(answer(text)).toBeUndefined();
    const error = rejected(answer(text, true));
    expect(error).toMatchObject({ code: "CONNECTION_ENDED", statusCode: undefined });
    expect(error.message).toContain(part);
  });

  it("returns the same result on every call after the end", () => {
    const handshake = start();
    const result = handshake.receiveEnd();
    expect(handshake.receiveEnd()).toBe(result);
    expect(handshake.rejection()).toBe(result);
    expect(handshake.receive(Buffer.from(`${upgraded}\r\n`))).toBe(result);
  });

  it("applies the head limits of its options", () => {
    expect(rejected(answer(`${upgraded}\r\n`, false, { maxHeaderFields: 2 })).code).toBe("HEADERS_TOO_LARGE");
    expect(rejected(answer(`${upgraded}\r\n`, false, { maxHeaderSize: 100 })).code).toBe("HEADERS_TOO_LARGE");
    const size = upgraded.length + 2;
    const text = `HTTP/1.1 100 x\r\n\r\n${upgraded}\r\n`;
    expect(answer(text, false, { maxHeaderFields: 3, maxHeaderSize: size })?.kind).toBe("accepted");
  });

  it("does not throw for any input", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.constantFrom(
        "HTTP/1.1 101 x\r\n",
        "HTTP/1.1 404 x\r\n",
        upgraded,
        "\r\n",
        "Sec-WebSocket-Extensions: ext; level=1\r\n",
        "Sec-WebSocket-Extensions: ;\r\n",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\n",
        "3\r\nabc\r\n",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join("");
        const result = answer(text, true);
        expect(["accepted", "rejected"]).toContain(result?.kind);
      }),
      { numRuns: cases(60) },
    );
  });
});

describe("isRefused", () => {
  it("is true from the end of the head of a rejecting response to the end of its body", () => {
    const handshake = start();
    handshake.receive(Buffer.from("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n"));
    expect(handshake.isRefused).toBe(false);
    handshake.receive(Buffer.from("\r\n"));
    expect(handshake.isRefused).toBe(true);
    handshake.receive(Buffer.from("n"));
    expect(handshake.isRefused).toBe(true);
    expect(handshake.receive(Buffer.from("o"))).toMatchObject({ kind: "rejected" });
    expect(handshake.isRefused).toBe(false);
  });

  it("is false after rejection() was called", () => {
    const handshake = start();
    handshake.receive(Buffer.from("HTTP/1.1 503 Busy\r\n\r\n"));
    expect(handshake.rejection()).toMatchObject({ kind: "rejected" });
    expect(handshake.isRefused).toBe(false);
  });
});
