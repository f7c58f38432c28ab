import { describe, expect, it } from "vitest";
import { rotationOverflow, rotationPolicy } from "../../../src/client/sending/outbox-policies.js";
import { BufferOverflowError } from "../../../src/errors.js";

describe("rotationPolicy()", () => {
  it("limits only the bytes, and refuses the newest message", () => {
    expect(rotationPolicy(() => 100)).toEqual({
      ...{ capacity: Infinity, maxBytes: 100, freeOverhead: 1024 * 1024, ttl: undefined, overflow: "error" },
      ...{ perSecond: undefined, keyOf: undefined, idOf: undefined, acknowledges: undefined },
    });
  });

  it("computes the limit each time it is read, not before", () => {
    let reads = 0;
    const policy = rotationPolicy(() => ++reads);
    expect(reads).toBe(0);
    expect([policy.maxBytes, policy.maxBytes]).toEqual([1, 2]);
  });
});

describe("rotationOverflow()", () => {
  const load = { length: 3, bytes: 40, previousBytes: 50, maxBufferedAmount: 100 };
  const message =
    "A message was refused: while the connection is replaced, 3 messages of 40 bytes wait for the new connection, and 50 bytes for " +
    'the old connection; maxBufferedAmount is 100. Await send(), or stop sending until "rotated".';

  it("names what waits, and the limit", () => {
    const error = rotationOverflow(load);
    expect(error).toBeInstanceOf(BufferOverflowError);
    expect([error.code, error.message]).toEqual(["BUFFER_OVERFLOW", message]);
  });
});
