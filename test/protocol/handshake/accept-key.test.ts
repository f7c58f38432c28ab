import { describe, expect, it } from "vitest";
import { acceptKey, createKey } from "../../../protocol/handshake/accept-key.js";

describe("acceptKey", () => {
  it.each([
    // RFC 6455 1.3.
    ["dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ["x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="],
  ])("returns the accept value of the key %s", (key, accept) => {
    expect(acceptKey(key)).toBe(accept);
  });
});

describe("createKey", () => {
  it("encodes 16 bytes from the given random source", () => {
    const sizes: number[] = [];
    const key = createKey((bytes) => {
      sizes.push(bytes.length);
      bytes.set(Buffer.from("the sample nonce"));
    });
    expect(key).toBe("dGhlIHNhbXBsZSBub25jZQ==");
    expect(sizes).toEqual([16]);
  });
});
