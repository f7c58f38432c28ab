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

  it("shows neither its brand nor fields that it does not have", () => {
    expect(Object.keys(error)).not.toContain("name");
    expect(error).not.toHaveProperty("report");
    expect(inspect(error)).not.toMatch(/brand|report/);
  });
});

it("keeps the cause, and has none where none is given", () => {
  expect(all[0]!.cause).toBe(cause);
  expect(Object.hasOwn(all[1]!, "cause")).toBe(false);
  expect(new JetSocketError("", { code: "X", cause: null }).cause).toBeNull();
});

it("carries the facts of each kind", () => {
  expect(all[1]).toMatchObject({ code: "INVALID_UTF8", closeCode: 1007 });
  expect(all[2]).toMatchObject({ code: "INVALID_STATE", state: "closed" });
});

describe("HandshakeError", () => {
  it("has empty facts where no answer was understood", () => {
    const error = new HandshakeError("nothing", { code: "BAD_RESPONSE" });
    expect([error.statusCode, error.headers, error.body]).toEqual([undefined, [], Buffer.alloc(0)]);
    expect(Object.hasOwn(error, "statusCode")).toBe(true);
  });

  it("gives the body as a Buffer over the same bytes", () => {
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
  it("goes up the tree and not down or sideways", () => {
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

  it("holds across two copies of the module", async () => {
    vi.resetModules();
    const other = await import("../../protocol/errors.js");
    expect(other.ProtocolError).not.toBe(ProtocolError);
    const error = new other.ProtocolError("", { code: "X", closeCode: 1002 });
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error).not.toBeInstanceOf(InvalidStateError);
  });

  it("takes a user's subclass by identity, with or without this package's brand above it", () => {
    class Mine extends ProtocolError {}
    const mine = new Mine("", { code: "MINE", closeCode: 1002 });
    expect(mine).toBeInstanceOf(Mine);
    expect(mine).toBeInstanceOf(ProtocolError);
    expect(new ProtocolError("", { code: "X", closeCode: 1002 })).not.toBeInstanceOf(Mine);
  });
});

describe("brandInstances", () => {
  it("makes a class of another module a part of the family", () => {
    class OtherError extends JetSocketError {
      static override readonly brand: symbol = Symbol.for("test.OtherError");
      static {
        brandInstances(this, "OtherError");
      }
    }
    const error = new OtherError("", { code: "OTHER" });
    expect(error.name).toBe("OtherError");
    expect(error).toBeInstanceOf(OtherError);
    expect(new JetSocketError("", { code: "X" })).not.toBeInstanceOf(OtherError);
  });
});
