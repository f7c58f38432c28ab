import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hideRandom, looksRandom } from "../../../protocol/display/random-text.js";

describe("looksRandom", () => {
  it.each([
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "d41d8cd98f00b204e980",
    "eyJhbGciOiJIUzI1NiJ9",
    "sk-proj-AbC12dEf34GhI56jKl78",
    "SECRETtoken0123456789abcdef",
    "ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
    "QWxhZGRpbjpvcGVuIHNlc2FtZQQWxhZGRpbjpvcGVuIHNlc2FtZQ",
  ])("finds %s", (text) => {
    expect(looksRandom(text)).toBe(true);
  });

  it.each([
    "",
    "graphql-transport-ws",
    "actioncable-v1-json",
    "gpt-4o-realtime-preview-2024-12-17",
    "BTC-PERPETUAL-25DEC26-100000-C",
    "Base64DecodingException",
    "PermissionDeniedForTheUser",
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "ec2-12-34-56-78-compute-1",
    "C0B7A8F1D77F0000",
    "1700000000000000000",
    "x".repeat(1000),
    "a".repeat(17),
  ])("does not find %s", (text) => {
    expect(looksRandom(text)).toBe(false);
  });

  it("finds nearly every token of 128 bits, in hexadecimal digits and in base64", () => {
    const tokens = Array.from({ length: 500 }, (_, index) =>
      createHash("sha256").update(`${index}`).digest(),
    );
    const missed = (encoding: "hex" | "base64url"): number =>
      tokens.filter((token) => !looksRandom(token.subarray(0, 16).toString(encoding))).length;
    expect(missed("hex")).toBe(0);
    expect(missed("base64url")).toBeLessThan(15);
    expect(looksRandom(randomBytes(64).toString("hex"))).toBe(true);
  });
});

describe("hideRandom", () => {
  it.each([
    ["key d41d8cd98f00b204e980, please", "key ***, please"],
    ["eyJhbGciOiJub25lIn0.e30.", "***"],
    ["nothing random here", "nothing random here"],
  ])("shows %j as %j", (text, shown) => {
    expect(hideRandom(text)).toBe(shown);
  });
});
