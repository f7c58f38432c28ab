import { describe, expect, it } from "vitest";
import { HandshakeError, type HeaderField } from "../../../protocol/errors.js";
import type { ClientRequestOptions } from "../../../protocol/handshake/client-request.js";
import { checkResponse } from "../../../protocol/handshake/client-response.js";
import { levelOffer } from "./stand-in-extension.js";

const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const required: Record<string, string> = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Accept": accept,
};

/** The required fields, with fields of the same name replaced by `others`. */
function fieldsWith(...others: HeaderField[]): HeaderField[] {
  const names = new Set(others.map(([name]) => name));
  return [...Object.entries(required).filter(([name]) => !names.has(name)), ...others];
}

function check(
  headers: HeaderField[],
  options: Partial<ClientRequestOptions> = {},
  minorVersion = 1,
): ReturnType<typeof checkResponse> {
  const line = { minorVersion, statusCode: 101 };
  return checkResponse(line, headers, accept, {
    subprotocols: ["chat", "v2"],
    offers: [levelOffer("ext")],
    ...options,
  });
}

function refusalOf(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof HandshakeError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("The response was accepted.");
}

describe("checkResponse with valid responses", () => {
  it.each<[string, HeaderField[]]>([
    ["the required fields only", []],
    ["Upgrade in mixed case", [["Upgrade", "WebSocket"]]],
    ["empty elements in Upgrade", [["Upgrade", ", websocket ,"]]],
    ["more options in Connection", [["Connection", "keep-alive, upgrade"]]],
    [
      "two Connection fields",
      [
        ["Connection", "keep-alive"],
        ["Connection", "UPGRADE"],
      ],
    ],
    ["an empty body", [["Content-Length", "0"]]],
  ])("accepts %s", (_what, others) => {
    expect(check(fieldsWith(...others))).toEqual({ subprotocol: "", extension: undefined });
  });

  it("accepts field names in upper case", () => {
    const headers = fieldsWith().map(([name, value]): HeaderField => [name.toUpperCase(), value]);
    expect(check(headers)).toMatchObject({ subprotocol: "" });
  });

  it.each(["chat", "v2"])("accepts the offered subprotocol %s", (subprotocol) => {
    expect(check(fieldsWith(["Sec-WebSocket-Protocol", subprotocol]))).toMatchObject({ subprotocol });
  });

  it.each([
    [["ext; level=1"], "ext; level=1"],
    [['ext; level="1"; more'], "ext; level=1; more"],
    [[", ext;level=1 ,"], "ext; level=1"],
    [["", "ext; level=1"], "ext; level=1"],
  ])("accepts the extension %j", (values, header) => {
    const fields = values.map((value): HeaderField => ["Sec-WebSocket-Extensions", value]);
    expect(check(fieldsWith(...fields)).extension?.header).toBe(header);
  });

  it("finds the offer that the answer matches", () => {
    const offers = [levelOffer("ext", "9"), levelOffer("ext", "1")];
    const { extension } = check(fieldsWith(["Sec-WebSocket-Extensions", "ext; level=1"]), { offers });
    expect(extension?.header).toBe("ext; level=1");
  });
});

describe("checkResponse with invalid responses", () => {
  const repeated = (name: string, ...values: string[]): HeaderField[] =>
    fieldsWith(...values.map((value): HeaderField => [name, value]));
  const without = (name: string): HeaderField[] => fieldsWith().filter(([each]) => each !== name);

  it.each<[string, HeaderField[], string]>([
    ["no Upgrade", without("Upgrade"), "INVALID_UPGRADE"],
    ["an empty Upgrade", fieldsWith(["Upgrade", ""]), "INVALID_UPGRADE"],
    ["another Upgrade", fieldsWith(["Upgrade", "h2c"]), "INVALID_UPGRADE"],
    ["a longer Upgrade", fieldsWith(["Upgrade", "websockets"]), "INVALID_UPGRADE"],
    ["a version in Upgrade", fieldsWith(["Upgrade", "websocket/13"]), "INVALID_UPGRADE"],
    ["more protocols in Upgrade", fieldsWith(["Upgrade", "websocket, h2c"]), "INVALID_UPGRADE"],
    ["a malformed Upgrade", fieldsWith(["Upgrade", "websocket;"]), "INVALID_UPGRADE"],
    ["two Upgrades", repeated("Upgrade", "websocket", "websocket"), "INVALID_UPGRADE"],
    ["no Connection", without("Connection"), "INVALID_CONNECTION"],
    ["another Connection", fieldsWith(["Connection", "keep-alive"]), "INVALID_CONNECTION"],
    ["Upgrade as part of a longer token", fieldsWith(["Connection", "no-upgrade"]), "INVALID_CONNECTION"],
    ["a malformed Connection", fieldsWith(["Connection", "Upgrade;"]), "INVALID_CONNECTION"],
    ["no Accept", without("Sec-WebSocket-Accept"), "INVALID_ACCEPT"],
    ["an empty Accept", fieldsWith(["Sec-WebSocket-Accept", ""]), "INVALID_ACCEPT"],
    [
      "another Accept",
      fieldsWith(["Sec-WebSocket-Accept", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="]),
      "INVALID_ACCEPT",
    ],
    ["an Accept in lower case", fieldsWith(["Sec-WebSocket-Accept", accept.toLowerCase()]), "INVALID_ACCEPT"],
    ["two Accepts", repeated("Sec-WebSocket-Accept", accept, accept), "INVALID_ACCEPT"],
    ["a subprotocol not offered", fieldsWith(["Sec-WebSocket-Protocol", "x"]), "SUBPROTOCOL_MISMATCH"],
    ["an empty subprotocol", fieldsWith(["Sec-WebSocket-Protocol", ""]), "SUBPROTOCOL_MISMATCH"],
    ["a subprotocol in upper case", fieldsWith(["Sec-WebSocket-Protocol", "CHAT"]), "SUBPROTOCOL_MISMATCH"],
    ["two subprotocols", fieldsWith(["Sec-WebSocket-Protocol", "chat, v2"]), "SUBPROTOCOL_MISMATCH"],
    ["two subprotocol fields", repeated("Sec-WebSocket-Protocol", "chat", "chat"), "SUBPROTOCOL_MISMATCH"],
    [
      "an extension not offered",
      fieldsWith(["Sec-WebSocket-Extensions", "x; level=1"]),
      "EXTENSION_MISMATCH",
    ],
    [
      "an offered extension and another one",
      fieldsWith(["Sec-WebSocket-Extensions", "ext; level=1, x"]),
      "EXTENSION_MISMATCH",
    ],
    [
      "an extension twice",
      fieldsWith(["Sec-WebSocket-Extensions", "ext; level=1, ext; level=1"]),
      "EXTENSION_MISMATCH",
    ],
    [
      "an extension in two fields",
      repeated("Sec-WebSocket-Extensions", "ext; level=1", "ext; level=1"),
      "EXTENSION_MISMATCH",
    ],
    [
      "an answer that does not match the offer",
      fieldsWith(["Sec-WebSocket-Extensions", "ext"]),
      "EXTENSION_MISMATCH",
    ],
    ["malformed extensions", fieldsWith(["Sec-WebSocket-Extensions", "ext; level="]), "INVALID_EXTENSIONS"],
    ["empty extensions", fieldsWith(["Sec-WebSocket-Extensions", ""]), "INVALID_EXTENSIONS"],
  ])("rejects %s", (_what, headers, code) => {
    const refusal = refusalOf(() => check(headers));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/\.$/);
  });

  it("rejects an upgrade by HTTP/1.0", () => {
    expect(refusalOf(() => check(fieldsWith(), {}, 0)).code).toBe("MALFORMED_RESPONSE");
  });

  it("rejects any subprotocol or extension if none was offered", () => {
    const none = { subprotocols: [], offers: [] };
    expect(refusalOf(() => check(fieldsWith(["Sec-WebSocket-Protocol", "chat"]), none))).toEqual({
      code: "SUBPROTOCOL_MISMATCH",
      message: expect.stringContaining("Set the subprotocols option") as string,
    });
    expect(refusalOf(() => check(fieldsWith(["Sec-WebSocket-Extensions", "ext; level=1"]), none)).code).toBe(
      "EXTENSION_MISMATCH",
    );
  });

  it("does not show the subprotocol, which may be a credential, and shortens a long extension name", () => {
    const subprotocol = fieldsWith(["Sec-WebSocket-Protocol", "hunter2"]);
    expect(refusalOf(() => check(subprotocol)).message).not.toContain("hunter2");
    const extension = fieldsWith(["Sec-WebSocket-Extensions", "x".repeat(10_000)]);
    expect(refusalOf(() => check(extension)).message.length).toBeLessThan(300);
  });
});
