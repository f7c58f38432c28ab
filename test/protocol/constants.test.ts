import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import {
  handshakeGuid,
  maxControlPayloadSize,
  maxFrameHeaderSize,
  Opcode,
} from "../../protocol/constants.js";
import { frame, opcodes } from "../support/wire.js";

it("numbers the opcodes as RFC 6455 5.2 does", () => {
  expect(Opcode).toEqual(opcodes);
});

it("knows the largest header that a frame can have", () => {
  const payload = Buffer.alloc(65536);
  expect(frame({ opcode: opcodes.binary, payload, mask: true })).toHaveLength(
    maxFrameHeaderSize + payload.length,
  );
});

it("bounds control frames by the largest length of the short form", () => {
  expect(maxControlPayloadSize).toBe(125);
});

it("has the GUID that makes the key of RFC 6455 1.3 into the accept value of RFC 6455 1.3", () => {
  const accept = createHash("sha1").update(`dGhlIHNhbXBsZSBub25jZQ==${handshakeGuid}`).digest("base64");
  expect(accept).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});
