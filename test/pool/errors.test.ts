import { describe, expect, it, vi } from "vitest";
import { InvalidStateError, JetSocketError, TimeoutError } from "../../src/index.js";
import { PoolClosedError, PoolError, PoolExhaustedError } from "../../src/pool/errors.js";

const errors = [
  ["PoolError", PoolError, JetSocketError, new PoolError("m", { code: "ENDPOINTS_FAILED" })],
  [
    "PoolExhaustedError",
    PoolExhaustedError,
    TimeoutError,
    new PoolExhaustedError("m", { operation: "o", timeoutMs: 1 }),
  ],
  ["PoolClosedError", PoolClosedError, InvalidStateError, new PoolClosedError("m", "closed")],
] as const;

describe.each(errors)("%s", (name, type, base, error) => {
  it("has its name and its base class", () => {
    expect([error.name, String(error)]).toEqual([name, `${name}: m`]);
    for (const expected of [type, base, JetSocketError, Error]) expect(error).toBeInstanceOf(expected);
    for (const [other, otherType] of errors) expect(error instanceof otherType).toBe(other === name);
  });

  it("is an instance of the same class in another copy of the package", async () => {
    vi.resetModules();
    const copy = await import("../../src/pool/errors.js");
    expect(copy[name]).not.toBe(type);
    expect(error).toBeInstanceOf(copy[name]);
    expect(new JetSocketError("m", { code: "C" })).not.toBeInstanceOf(copy[name]);
  });
});

it("a PoolError has the errors of the endpoints", () => {
  const cause = new Error("below");
  expect(new PoolError("m", { code: "ENDPOINTS_FAILED", errors: [cause] }).errors).toEqual([cause]);
  expect(new PoolError("m", { code: "LATE_MESSAGE", cause })).toMatchObject({ errors: [], cause });
});
