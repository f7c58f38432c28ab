import { describe, expect, it } from "vitest";
import { CloseCode, isSendableCloseCode, maxCloseReasonSize } from "../../protocol/close-codes.js";

describe("isSendableCloseCode", () => {
  it("allows the codes of RFC 6455 7.4 and of the IANA registry, and no other code up to 5000", () => {
    const sendable = Array.from({ length: 5001 }, (_, code) => code).filter(isSendableCloseCode);
    const expected = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for (let code = 3000; code <= 4999; code++) expected.push(code);
    expect(sendable).toEqual(expected);
  });

  it.each([-1, -1000, 1000.5, 65535, 66536, 2 ** 32 + 1000, Infinity, NaN])("rejects %d", (code) => {
    expect(isSendableCloseCode(code)).toBe(false);
  });
});

describe("CloseCode", () => {
  it.each(["noStatus", "abnormal", "tlsHandshake"] as const)("does not allow sending %s", (name) => {
    expect(isSendableCloseCode(CloseCode[name])).toBe(false);
  });

  it("limits the reason to the 125 bytes of a control frame minus the 2 bytes of the code", () => {
    expect(maxCloseReasonSize).toBe(125 - 2);
  });
});
