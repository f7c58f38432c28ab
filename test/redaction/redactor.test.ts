import { describe, expect, it, vi } from "vitest";
import { parseUri } from "../../protocol/index.js";
import { Redactor, defaultRedactor, redactorOf } from "../../src/redaction/redactor.js";
import { forbidUnhandledRejections } from "../support/rejections.js";

forbidUnhandledRejections();

describe("the rule without a hook", () => {
  it("depends on the kind of the text", () => {
    expect(defaultRedactor.url(parseUri("wss://user:pass@h/?a=b"))).toBe("wss://h/?a=***");
    expect(defaultRedactor.text("bearer.abc", "subprotocol")).toBe("bearer.***");
    expect(defaultRedactor.text("token=abc", "reason")).toBe("token=***");
    expect(defaultRedactor.text("", "reason")).toBe("");
    expect(defaultRedactor.field("a=b", "Set-Cookie")).toBe("***");
    expect(redactorOf(undefined)).toBe(defaultRedactor);
  });

  it("hides the credentials that were sent in each text", () => {
    const redactor = new Redactor(undefined);
    redactor.learn(["hunter2"], {});
    expect(redactor.text("wrong: hunter2, hunter2", "reason")).toBe("wrong: ***, ***");
    expect(redactor.text("hunter2", "subprotocol")).toBe("***");
    expect(redactor.field("hunter2", "X-Echo")).toBe("***");
    expect(redactor.error(new Error("hunter2")).message).toBe("***");
  });

  it("keeps the credentials of the request before a redirect, and hides the longest one first", () => {
    const redactor = new Redactor(undefined);
    redactor.learn(["abcd"], {});
    redactor.learn(["abcdefgh"], {});
    expect(redactor.text("abcdefgh, abcd", "reason")).toBe("***, ***");
  });
});

it("hides the start of a credential at the end of a text that is cut", () => {
  const redactor = new Redactor(undefined);
  redactor.learn(["correct horse", "correction"], {});
  expect(redactor.start("with correct ho", "payload")).toBe("with ***");
  expect(redactor.start("with correct horse and corr", "payload")).toBe("with *** and ***");
  expect(redactor.start("with correcti", "payload")).toBe("with ***");
  expect(redactor.start("with cor", "payload")).toBe("with cor");
  expect(new Redactor((text) => `<${text}>`).start("with corr", "payload")).toBe("<with corr>");
});

describe("the number of remembered credentials", () => {
  const attempts = Array.from({ length: 300 }, (_, index) => ({ index }));

  function fail(redactor: Redactor, attempt: { readonly index: number }): void {
    redactor.learn([`<${attempt.index}>`, "hunter2"], attempt);
    redactor.release(attempt);
  }

  it("is limited, if a client sends others at each attempt", () => {
    const redactor = new Redactor(undefined);
    for (const attempt of attempts) fail(redactor, attempt);
    expect(redactor.text("<299> hunter2", "reason")).toBe("*** ***");
    expect(redactor.text("<1>", "reason")).toBe("<1>");
  });

  it("includes all credentials of a connection that stays open, also of the request before its redirect", () => {
    const redactor = new Redactor(undefined);
    const open = {};
    redactor.learn(["first"], open);
    redactor.learn(["second"], open);
    for (const attempt of attempts) fail(redactor, attempt);
    redactor.release(open);
    expect(redactor.text("first, second, <299>", "reason")).toBe("***, ***, ***");
    for (const attempt of attempts) fail(redactor, attempt);
    expect(redactor.text("first", "reason")).toBe("first");
  });

  it("includes all credentials of a request that contains more", () => {
    const redactor = new Redactor(undefined);
    redactor.learn([...attempts.map(({ index }) => `<${index}>`), "hunter2"], {});
    expect(redactor.text("hunter2", "reason")).toBe("***");
  });
});

it("examines an error once, until its message changes or another credential is sent", () => {
  let reads = 0;
  const error = Object.defineProperty(new Error("first"), "detail", { get: () => String(++reads) });
  const redactor = new Redactor(undefined);
  expect(redactor.error(error)).toBe(redactor.error(error));
  expect(reads).toBe(1);
  error.message = "token=abc";
  expect(redactor.error(error).message).toBe("token=***");
  error.message = "second";
  expect(redactor.error(error).message).toBe("second");
  redactor.learn(["second"], {});
  expect(redactor.error(error).message).toBe("***");
});

it("hides an error whose message cannot be read", () => {
  const error = Object.defineProperty(new Error(), "message", {
    get: () => {
      throw new Error("hunter2");
    },
  });
  expect(redactorOf(undefined).error(error).message).toBe("***");
});

describe("the hook", () => {
  function refuse(): never {
    throw new Error("hunter2");
  }

  it("replaces the rule, and receives the text, its kind and the name of a header field", () => {
    const hook = vi.fn((text: string, kind: string) => `${kind}(${text.length})`);
    const redactor = redactorOf(hook);
    redactor.learn(["hunter2"], {});
    expect(redactor.url(parseUri("wss://user:pass@h/?a=b"))).toBe("url(12)");
    expect(redactor.text("hunter2", "reason")).toBe("reason(7)");
    expect(redactor.field("a=b", "Set-Cookie")).toBe("header(3)");
    expect(hook.mock.calls).toEqual([
      ["wss://h/?a=b", "url", undefined],
      ["hunter2", "reason", undefined],
      ["a=b", "header", "Set-Cookie"],
    ]);
  });

  it("may show everything", () => {
    const redactor = new Redactor((text) => text);
    redactor.learn(["hunter2"], {});
    expect(redactor.text("token=hunter2", "error")).toBe("token=hunter2");
    const error = new Error("token=hunter2");
    expect(redactor.error(error)).toBe(error);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("hunter2");
      },
    ],
    ["returns undefined", () => undefined],
    ["returns an object", () => ({ text: "hunter2" })],
    ["returns an object that throws", () => new Proxy({}, { get: refuse, getPrototypeOf: refuse })],
    ["is async", async () => Promise.resolve("hunter2")],
    ["is async and rejects", async () => Promise.reject(new Error("hunter2"))],
  ])("hides the whole text if it %s", async (_what, hook) => {
    const redactor = redactorOf(hook as unknown as () => string);
    expect(redactor.url(parseUri("wss://h/hunter2"))).toBe("***");
    expect(redactor.text("hunter2", "reason")).toBe("***");
    expect(redactor.field("hunter2", "x")).toBe("***");
    expect(redactor.error(new Error("hunter2")).message).toBe("***");
    await Promise.resolve();
  });

  it("is applied to messages that show a Location of the server by the default rule", () => {
    const message = "connect to https://h/?a=*** if you trust it";
    expect(redactorOf((text, kind) => `${kind}(${text.length})`).message(message)).toBe("error(43)");
    expect(defaultRedactor.message(message)).toBe(message);
    const redactor = new Redactor(undefined);
    redactor.learn(["hunter2"], {});
    expect(redactor.message("connect to https://h/hunter2")).toBe("connect to https://h/***");
  });
});
