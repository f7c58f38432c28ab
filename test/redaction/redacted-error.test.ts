import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ConnectionError, HandshakeError, ProxyError } from "../../src/errors.js";
import { redactError } from "../../src/redaction/redacted-error.js";
import { unmasked } from "../../src/index.js";

const hide = (text: string): string => text.replaceAll("hunter2", "***");

/** Everything that prints an error or converts it to text. */
function outputsOf(error: unknown): string {
  return [
    inspect(error, { depth: 9, showHidden: true }),
    inspect(error, { depth: 9, customInspect: false }),
    JSON.stringify(error),
    String(error),
    String((error as Error | undefined)?.stack),
  ].join("\n");
}

describe("an error without a secret", () => {
  it.each([
    new Error("no", { cause: new TypeError("other") }),
    Object.assign(new Error("no"), { code: "ECONNREFUSED", errno: -111, address: "127.0.0.1", port: 1 }),
    new AggregateError([new Error("a"), new Error("b")], "all"),
    new DOMException("stopped", "AbortError"),
    Object.assign(new Error("no"), { cert: { subject: {}, raw: Buffer.from("hunter2") } }),
    new HandshakeError("no", {
      code: "X",
      headers: [["Set-Cookie", "hunter2"]],
      body: Buffer.from("hunter2"),
    }),
    Object.freeze(new RangeError("no")),
  ])("is returned itself: %s", (error) => {
    expect(redactError(error, hide)).toBe(error);
  });

  it.each([[undefined], [null], [42], ["text"], [[1, "a"]]])("may be any value: %j", (value) => {
    expect(redactError(value, hide)).toBe(value);
  });
});

class ClientError extends TypeError {
  readonly #secret = "hunter2";
  readonly request = { headers: { authorization: "hunter2" } };
  override readonly name = "ClientError";

  toJSON(): object {
    return { secret: this.#secret };
  }

  [inspect.custom](): string {
    return this.#secret;
  }
}

function cyclic(): Error {
  const error = new Error("hunter2");
  error.cause = new Error("inner", { cause: error });
  return error;
}

describe("an error with a secret", () => {
  it.each([
    ["in its message", new Error("bad hunter2")],
    ["in its cause", new Error("no", { cause: new Error("bad hunter2") })],
    ["in a cause that is a string", new Error("no", { cause: "bad hunter2" })],
    ["in a cause that is an object", new Error("no", { cause: { token: "hunter2" } })],
    ["in a nested object", new Error("no", { cause: { a: { b: "hunter2" } } })],
    ["in a property", Object.assign(new Error("no"), { input: "wss://hunter2" })],
    ["in a property that is a symbol", Object.assign(new Error("no"), { [Symbol("a")]: "hunter2" })],
    ["in an object property", Object.assign(new Error("no"), { config: { headers: { a: "hunter2" } } })],
    ["in a function property", Object.assign(new Error("no"), { toJSON: () => "hunter2" })],
    ["in one of several errors", new AggregateError([new Error("a"), new Error("hunter2")], "all")],
    ["in an error of a property", Object.assign(new Error("no"), { inner: new Error("hunter2") })],
    ["in a DOMException", new DOMException("hunter2", "AbortError")],
    ["in methods of its class", new ClientError("no")],
    ["in a cycle of causes", cyclic()],
    [
      "in a cause of an error of this package",
      new ConnectionError("no", { code: "X", phase: "tcp", cause: "hunter2" }),
    ],
    ["in its name", Object.assign(new Error("no"), { name: "a hunter2" })],
  ])("shows it nowhere: %s", (_where, error) => {
    expect(outputsOf(error)).toContain("hunter2");
    const shown = redactError(error, hide) as Error;
    expect(outputsOf(shown)).not.toContain("hunter2");
    expect(unmasked(shown)).toBe(error);
    expect(Object.getPrototypeOf(shown)).toBe(Object.getPrototypeOf(error));
  });

  it("keeps class, name, code, calls and other properties", () => {
    const error = Object.assign(new ClientError("bad hunter2"), { code: "E_TOKEN", status: 401 });
    const shown = redactError(error, hide) as typeof error;
    expect(shown).toBeInstanceOf(ClientError);
    expect([shown.name, shown.message, shown.code, shown.status]).toEqual([
      "ClientError",
      "bad ***",
      "E_TOKEN",
      401,
    ]);
    expect(shown.stack).toMatch(/bad \*\*\*\n {4}at .*redacted-error\.test/);
    // The program may still read what is not printed.
    expect(shown.request).toBe(error.request);
  });

  it("has header fields to which the rule for fields is applied", () => {
    const error = new ProxyError("no", { code: "X", headers: [["X-Echo", "hunter2"]] });
    const shown = redactError(error, hide, hide) as ProxyError;
    expect(shown.headers).toEqual([["X-Echo", "***"]]);
    expect(shown.headers.unmasked()).toEqual([["X-Echo", "hunter2"]]);
    expect(shown).toBeInstanceOf(ProxyError);
  });

  it("does not change the error", () => {
    const error = Object.freeze(new Error("hunter2"));
    expect((redactError(error, hide) as Error).message).toBe("***");
    expect(error.message).toBe("hunter2");
  });

  it("has at most 16 causes", () => {
    let error = new Error("hunter2");
    for (let index = 0; index < 100; index++) error = new Error("no", { cause: error });
    expect(outputsOf(redactError(error, hide))).not.toContain("hunter2");
  });

  it("is hidden completely if it cannot be read", () => {
    const error = new Proxy(new Error("hunter2"), {
      ownKeys: () => {
        throw new Error("hunter2");
      },
    });
    const shown = redactError(error, hide) as Error;
    expect([shown.message, unmasked(shown)]).toEqual(["***", error]);
    expect(outputsOf(shown)).not.toContain("hunter2");
  });

  it("has a copy whose stack does not examine the paths of source files", () => {
    const error = new Error("no");
    error.stack = "Error: no\n    at file:///hunter2/x.js:1:1";
    expect(redactError(error, hide)).toBe(error);
  });
});
