import { describe, expect, it } from "vitest";
import { checkUserFields, isBodyField } from "../../../protocol/handshake/user-fields.js";

describe("checkUserFields", () => {
  it("lets everything else pass", () => {
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
    ["Upgrade", "belongs to the opening handshake"],
    ["connection", "belongs to the opening handshake"],
    ["Sec-WebSocket-Key", "belongs to the opening handshake"],
    ["SEC-WEBSOCKET-PROTOCOL", "belongs to the opening handshake"],
    ["sec-websocket-anything", "belongs to the opening handshake"],
    ["Content-Length", "has no body"],
    ["TRANSFER-ENCODING", "has no body"],
    ["X Y", "Invalid header name"],
  ])("refuses %s", (name, message) => {
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
    ["content-type", false],
  ])("of %s is %j", (name, expected) => {
    expect(isBodyField(name)).toBe(expected);
  });
});
