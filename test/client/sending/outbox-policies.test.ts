import { describe, expect, it } from "vitest";
import { policyOf, rotationOverflow, rotationPolicy } from "../../../src/client/sending/outbox-policies.js";
import { BufferOverflowError } from "../../../src/errors.js";

describe("policyOf()", () => {
  const idOf = (sent: { readonly id: number }): number => sent.id;
  const acknowledges = (received: number): number => received;
  const outbox = {
    ...{ capacity: 10, maxBytes: 1_000, ttl: 50, perSecond: 5 },
    overflow: "conflate",
    ...{ keyOf: () => "key", idOf: undefined, acknowledges: undefined },
  } as const;

  it("keeps the limits, the overflow and the functions of the option", () => {
    const { capacity, maxBytes, ttl, overflow, perSecond, keyOf } = outbox;
    expect(policyOf(outbox)).toMatchObject({ capacity, maxBytes, ttl, overflow, perSecond, keyOf });
    expect(policyOf(outbox).freeOverhead).toBeUndefined();
  });

  it("acknowledges messages if both functions are set", () => {
    expect(policyOf({ ...outbox, idOf, acknowledges }).acknowledgement).toEqual({ idOf, acknowledges });
  });

  it.each([
    ["none is set", {}],
    ["only idOf is set", { idOf }],
    ["only acknowledges is set", { acknowledges }],
  ])("does not acknowledge messages if %s", (_, functions) => {
    expect(policyOf({ ...outbox, ...functions }).acknowledgement).toBeUndefined();
  });
});

describe("rotationPolicy()", () => {
  it("limits only the bytes, and refuses the newest message", () => {
    expect(rotationPolicy(() => 100)).toEqual({
      ...{ capacity: Infinity, maxBytes: 100, freeOverhead: 1024 * 1024, ttl: undefined, overflow: "error" },
      ...{ perSecond: undefined, keyOf: undefined, acknowledgement: undefined },
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
  const rest =
    "refused: while the connection is replaced, 3 messages of 40 bytes wait for the new connection, and 50 bytes for " +
    'the old connection; maxBufferedAmount is 100. Await send(), or stop sending until "rotated".';

  it.each([0, 20])("names the size of the refused message: %i bytes", (size) => {
    const error = rotationOverflow(size, load);
    expect(error).toBeInstanceOf(BufferOverflowError);
    expect([error.code, error.message]).toEqual([
      "BUFFER_OVERFLOW",
      `A message of ${size} bytes was ${rest}`,
    ]);
  });

  it("names no size if several calls share the error", () => {
    expect(rotationOverflow(undefined, load).message).toBe(`Messages were ${rest}`);
  });
});
