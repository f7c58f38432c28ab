import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import {
  brandInstances,
  HandshakeError,
  InvalidStateError,
  JetSocketError,
  ProtocolError,
} from "../../protocol/errors.js";

const cause = new Error("below");

const all = [
  new JetSocketError("root", { code: "ROOT", cause }),
  new ProtocolError("wire", { code: "INVALID_UTF8", closeCode: 1007 }),
  new InvalidStateError("state", "closed"),
  new HandshakeError("handshake", { code: "BAD_STATUS" }),
];

describe.each(all)("$name", (error) => {
  it("is an Error of this package with a name, a message and a stack", () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error.name).toBe(error.constructor.name);
    expect(String(error)).toBe(`${error.name}: ${error.message}`);
    expect(error.stack).toContain("errors.test");
  });

  it("shows neither its brand nor absent fields when it is inspected", () => {
    expect(Object.keys(error)).not.toContain("name");
    expect(error).not.toHaveProperty("report");
    expect(inspect(error)).not.toMatch(/brand|report/);
  });
});

it("the cause is kept, and is absent if none is given", () => {
  expect(all[0]!.cause).toBe(cause);
  expect(Object.hasOwn(all[1]!, "cause")).toBe(false);
  expect(new JetSocketError("", { code: "X", cause: null }).cause).toBeNull();
});

it("each error class has its own properties", () => {
  expect(all[1]).toMatchObject({ code: "INVALID_UTF8", closeCode: 1007 });
  expect(all[2]).toMatchObject({ code: "INVALID_STATE", state: "closed" });
});

describe("HandshakeError", () => {
  it("has empty properties if no response was understood", () => {
    const error = new HandshakeError("nothing", { code: "BAD_RESPONSE" });
    expect([error.statusCode, error.headers, error.body]).toEqual([undefined, [], Buffer.alloc(0)]);
    expect(Object.hasOwn(error, "statusCode")).toBe(true);
  });

  it("returns the body as a Buffer over the same memory", () => {
    const bytes = new TextEncoder().encode("--body--").subarray(2, 6);
    const headers = [["Retry-After", "3"]] as const;
    const error = new HandshakeError("busy", { code: "BAD_STATUS", statusCode: 503, headers, body: bytes });
    expect(error).toMatchObject({ code: "BAD_STATUS", statusCode: 503, headers });
    expect(error.body).toBeInstanceOf(Buffer);
    expect(error.body.toString()).toBe("body");
    expect(error.body.buffer).toBe(bytes.buffer);
  });
});

describe("instanceof", () => {
  it("is true for the class and its superclasses only", () => {
    const error = new ProtocolError("", { code: "X", closeCode: 1002 });
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error).not.toBeInstanceOf(HandshakeError);
    expect(new JetSocketError("", { code: "X" })).not.toBeInstanceOf(ProtocolError);
  });

  it.each([undefined, null, 1, "ProtocolError", {}, new Error("other"), Object.create(null)])(
    "is false for %s",
    (value) => {
      expect(value instanceof JetSocketError).toBe(false);
      expect(value instanceof ProtocolError).toBe(false);
    },
  );

  it("is true for an error of another copy of the module", async () => {
    vi.resetModules();
    const other = await import("../../protocol/errors.js");
    expect(other.ProtocolError).not.toBe(ProtocolError);
    const error = new other.ProtocolError("", { code: "X", closeCode: 1002 });
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error).not.toBeInstanceOf(InvalidStateError);
  });

  it("checks a subclass without a brand by its prototype chain", () => {
    class Mine extends ProtocolError {}
    const mine = new Mine("", { code: "MINE", closeCode: 1002 });
    expect(mine).toBeInstanceOf(Mine);
    expect(mine).toBeInstanceOf(ProtocolError);
    expect(new ProtocolError("", { code: "X", closeCode: 1002 })).not.toBeInstanceOf(Mine);
  });
});

describe("brandInstances", () => {
  it("adds a class of another module to the error classes", () => {
    class OtherError extends JetSocketError {
      static override readonly brand: symbol = brandInstances(this, "OtherError");
    }
    const error = new OtherError("", { code: "OTHER" });
    expect(error.name).toBe("OtherError");
    expect(error).toBeInstanceOf(OtherError);
    expect(new JetSocketError("", { code: "X" })).not.toBeInstanceOf(OtherError);
  });
});
