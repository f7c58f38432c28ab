import { describe, expect, it } from "vitest";
import { checkUserFields, isBodyField } from "../../../protocol/handshake/user-fields.js";

describe("checkUserFields", () => {
  it("accepts all other fields", () => {
    expect(() =>
      checkUserFields([
        ["Host", "h"],
        ["Origin", "https://h"],
        ["Cookie", "a=b"],
        ["Cookie", "c=d"],
        ["Authorization", "Bearer x"],
        ["Sec-Fetch-Mode", "websocket"],
      ]),
    ).not.toThrow();
  });

  it.each([
    ["Upgrade", "the opening handshake sets it"],
    ["connection", "the opening handshake sets it"],
    ["Sec-WebSocket-Key", "the opening handshake sets it"],
    ["SEC-WEBSOCKET-PROTOCOL", "the opening handshake sets it"],
    ["sec-websocket-anything", "the opening handshake sets it"],
    ["Content-Length", "has no body"],
    ["TRANSFER-ENCODING", "has no body"],
    ["X Y", "Invalid header name"],
  ])("throws for %s", (name, message) => {
    const check = (): void =>
      checkUserFields([
        ["Cookie", "a=b"],
        [name, "hunter2"],
      ]);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(message);
    expect(check).not.toThrow("hunter2");
  });
});

describe("isBodyField", () => {
  it.each([
    ["content-length", true],
    ["transfer-encoding", true],
    ["Content-Length", true],
    ["content-type", false],
  ])("for %s returns %j", (name, expected) => {
    expect(isBodyField(name)).toBe(expected);
  });
});
