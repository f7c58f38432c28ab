import { describe, expect, it } from "vitest";
import { CloseCode, isSendableCloseCode, maxCloseReasonSize } from "../../protocol/close-codes.js";

describe("isSendableCloseCode", () => {
  it("allows the codes of RFC 6455 7.4 and of the registry, and no other up to 5000", () => {
    const sendable = Array.from({ length: 5001 }, (_, code) => code).filter(isSendableCloseCode);
    const expected = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for (let code = 3000; code <= 4999; code++) expected.push(code);
    expect(sendable).toEqual(expected);
  });

  it.each([-1, -1000, 1000.5, 65535, 66536, 2 ** 32 + 1000, Infinity, NaN])("refuses %d", (code) => {
    expect(isSendableCloseCode(code)).toBe(false);
  });
});

describe("CloseCode", () => {
  it.each(["noStatus", "abnormal", "tlsHandshake"] as const)("never sends %s", (name) => {
    expect(isSendableCloseCode(CloseCode[name])).toBe(false);
  });

  it("has room for a reason behind the code in 125 bytes", () => {
    expect(maxCloseReasonSize).toBe(125 - 2);
  });
});
