import { describe, expect, it, vi } from "vitest";
import {
  BufferOverflowError,
  CloseError,
  ConnectionError,
  HandshakeError,
  InvalidStateError,
  JetSocketError,
  ProtocolError,
  TimeoutError,
  ValidationError,
} from "../src/errors.js";
import { makeReport } from "./support/reports.js";

const cause = new Error("below");
const report = makeReport();

const errors = [
  ["ConnectionError", ConnectionError, new ConnectionError("m", { code: "C", cause, phase: "tcp" })],
  ["CloseError", CloseError, new CloseError("m", report)],
  ["TimeoutError", TimeoutError, new TimeoutError("m", { operation: "recv", timeoutMs: 5 })],
  ["BufferOverflowError", BufferOverflowError, new BufferOverflowError("m")],
  ["HandshakeError", HandshakeError, new HandshakeError("m", { code: "C" })],
  ["ProtocolError", ProtocolError, new ProtocolError("m", { code: "C", closeCode: 1002 })],
  ["InvalidStateError", InvalidStateError, new InvalidStateError("m", "idle")],
  ["ValidationError", ValidationError, new ValidationError("m", { code: "C", issues: [] })],
] as const;

describe.each(errors)("%s", (name, type, error) => {
  it("is a JetSocketError with its own name", () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error).toBeInstanceOf(type);
    expect(error.name).toBe(name);
    expect(String(error)).toBe(`${name}: m`);
    expect(error.stack).toContain(`${name}: m`);
  });

  it("is not an instance of the other classes", () => {
    for (const [other, otherType] of errors) expect(error instanceof otherType).toBe(other === name);
  });

  it("is an instance of the same class in another copy of the package", async () => {
    vi.resetModules();
    const copy = await import("../src/errors.js");
    expect(copy[name]).not.toBe(type);
    expect(error).toBeInstanceOf(copy[name]);
    expect(error).toBeInstanceOf(copy.JetSocketError);
    expect(new Error("m")).not.toBeInstanceOf(copy[name]);
  });

  it("has a report only if the constructor requires one", () => {
    expect("report" in error).toBe(name === "CloseError");
  });
});

describe("error properties", () => {
  it("ConnectionError: code, cause and phase", () => {
    expect(errors[0][2]).toMatchObject({ code: "C", cause, phase: "tcp" });
  });

  it("CloseError: the report", () => {
    expect(errors[1][2]).toMatchObject({ code: "CLOSED", report });
  });

  it("TimeoutError: the operation and its time limit", () => {
    expect(errors[2][2]).toMatchObject({ code: "TIMEOUT", operation: "recv", timeoutMs: 5 });
  });

  it("BufferOverflowError: the code", () => {
    expect(errors[3][2].code).toBe("BUFFER_OVERFLOW");
  });
});
