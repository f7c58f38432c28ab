import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import {
  handshakeGuid,
  maxControlPayloadSize,
  maxFrameHeaderSize,
  Opcode,
} from "../../protocol/constants.js";
import { frame, opcodes } from "../support/wire.js";

it("Opcode has the values of RFC 6455 5.2", () => {
  expect(Opcode).toEqual(opcodes);
});

it("maxFrameHeaderSize is the size of the largest header", () => {
  const payload = Buffer.alloc(65536);
  expect(frame({ opcode: opcodes.binary, payload, mask: true })).toHaveLength(
    maxFrameHeaderSize + payload.length,
  );
});

it("maxControlPayloadSize is the largest payload size of the 7-bit length form", () => {
  expect(maxControlPayloadSize).toBe(125);
});

it("handshakeGuid turns the example key of RFC 6455 1.3 into its accept value", () => {
  const accept = createHash("sha1").update(`dGhlIHNhbXBsZSBub25jZQ==${handshakeGuid}`).digest("base64");
  expect(accept).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});
