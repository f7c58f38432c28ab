import { describe, expect, it } from "vitest";
import {
  type CloseReport,
  ConnectionError,
  HandshakeError,
  ProtocolError,
  TimeoutError,
} from "../../src/index.js";
import { attemptError, frameError } from "../../src/ws/errors.js";

const offer = { hasSubprotocols: true, hasExtensions: true };
const report = (error: Error, headers: readonly (readonly [string, string])[] = []): CloseReport =>
  ({ error, headers }) as unknown as CloseReport;
const handshake = (code: string, statusCode?: number): HandshakeError =>
  new HandshakeError("own text", { code, statusCode });

describe("the error of an open connection", () => {
  it.each([
    ["INVALID_UTF8", "WS_ERR_INVALID_UTF8", Error],
    ["UNEXPECTED_RSV", "WS_ERR_UNEXPECTED_RSV_2_3", RangeError],
    ["UNKNOWN_OPCODE", "WS_ERR_INVALID_OPCODE", RangeError],
    ["WRONG_MASKING", "WS_ERR_UNEXPECTED_MASK", RangeError],
    ["MESSAGE_TOO_BIG", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", RangeError],
    ["TOO_MANY_FRAGMENTS", "WS_ERR_TOO_MANY_BUFFERED_PARTS", RangeError],
    ["INVALID_DEFLATE_DATA", "INVALID_DEFLATE_DATA", RangeError],
  ])("%s has the code %s", (code, expected, type) => {
    const cause = new ProtocolError("own text", { code, closeCode: 1002 });
    const error = frameError(report(cause));
    expect(error).toMatchObject({ code: expected, cause });
    expect(error?.constructor).toBe(type);
  });

  it("tells RSV1 from the other bits, and a short Close frame from an invalid code", () => {
    const fault = (code: string, text: string): unknown =>
      frameError(report(new ProtocolError(text, { code, closeCode: 1002 })));
    expect(fault("UNEXPECTED_RSV", "The peer set RSV1 on a frame.")).toMatchObject({
      code: "WS_ERR_UNEXPECTED_RSV_1",
    });
    expect(fault("INVALID_CLOSE", "a payload of one byte")).toMatchObject({
      code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    });
  });

  it("is none for a lost connection", () => {
    expect(
      frameError(report(new ConnectionError("lost", { code: "ECONNRESET", phase: "open" }))),
    ).toBeUndefined();
  });
});

describe("the error of an attempt", () => {
  it.each([
    ["UNEXPECTED_STATUS", "Unexpected server response: 503"],
    ["INVALID_ACCEPT", "Invalid Sec-WebSocket-Accept header"],
    ["SUBPROTOCOL_MISMATCH", "Server sent an invalid subprotocol"],
    ["EXTENSION_MISMATCH", "Server indicated an extension that was not requested"],
    ["CONNECTION_ENDED", "socket hang up"],
    ["HEADERS_TOO_LARGE", "Parse Error: Header overflow"],
  ])("%s has the message %s", (code, message) => {
    expect(attemptError(report(handshake(code, 503)), offer).message).toBe(message);
  });

  it("depends on what was offered", () => {
    const nothing = { hasSubprotocols: false, hasExtensions: false };
    const messageOf = (code: string): string => attemptError(report(handshake(code)), nothing).message;
    expect(messageOf("SUBPROTOCOL_MISMATCH")).toContain("none was requested");
    expect(messageOf("EXTENSION_MISMATCH")).toContain("no extension was requested");
    const headers = [["Sec-WebSocket-Extensions", "permessage-deflate; x"]] as const;
    expect(attemptError(report(handshake("EXTENSION_MISMATCH"), headers), offer).message).toContain(
      "Invalid",
    );
  });

  it("is that of Node if there is one", () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const error = new ConnectionError("own text", { code: "ECONNREFUSED", phase: "tcp", cause });
    expect(attemptError(report(error), offer)).toBe(cause);
    const other = new ConnectionError("own text", { code: "X", phase: "tcp" });
    expect(attemptError(report(other), offer)).toBe(other);
    expect(attemptError(report(undefined as never), offer)).toMatchObject({ code: "ECONNRESET" });
  });

  it("names the timeout", () => {
    const error = new TimeoutError("own text", { timeoutMs: 1, operation: "connect" });
    expect(attemptError(report(error), offer).message).toBe("Opening handshake has timed out");
  });
});
