import { afterEach, describe, expect, it, vi } from "vitest";
import {
  checkRequest,
  prepareStaticRequest,
  prepareRequest,
  type RequestSource,
} from "../../../src/client/connection/request.js";
import type { AttemptContext } from "../../../src/options/options.js";
import { steadyRandom } from "../../support/protocol-end.js";
import { forbidUnhandledRejections } from "../../support/rejections.js";

interface Given {
  readonly url?: unknown;
  readonly headers?: unknown;
  readonly subprotocols?: unknown;
  readonly deflate?: object;
  readonly proxy?: unknown;
}

/** Accepts any value, as JavaScript callers may pass any. */
function source({ url = "ws://feed.test/trades", ...options }: Given): RequestSource {
  return { url, options } as RequestSource;
}

const context: AttemptContext = { attempt: 1, lastReport: undefined, signal: new AbortController().signal };

function check(given: Given): string {
  return checkRequest(source(given));
}

/** Returns the header lines of the request, except those that every request contains. */
async function linesOf(given: Given): Promise<string[]> {
  const { handshake } = await prepareRequest(source(given), context, steadyRandom());
  const own = /^(GET|Host|Upgrade|Connection|Sec-WebSocket-(Key|Version)):? ?/;
  const lines = handshake.request.toString("latin1").split("\r\n");
  return lines.filter((line) => line !== "" && !own.test(line));
}

forbidUnhandledRejections();

describe("the request", () => {
  it("contains only the required header fields by default", async () => {
    const { uri, handshake } = await prepareRequest(
      source({ url: "http://feed.test:8080/a?b" }),
      context,
      steadyRandom(),
    );
    expect([uri.display, uri.host, uri.port]).toEqual(["ws://feed.test:8080/a?***", "feed.test", 8080]);
    expect(handshake.request.toString("latin1")).toMatch(/^GET \/a\?b HTTP\/1.1\r\nHost: feed.test:8080\r\n/);
    expect(await linesOf({})).toEqual([]);
  });

  it("is identical for identical sources, except for its key", () => {
    const url = "ws://feed.test/shared";
    check({ url });
    const randomness = steadyRandom();
    const prepare = (given: Given): string =>
      prepareStaticRequest(source({ url, ...given }), randomness).handshake.request.toString("latin1");
    const [one, other] = [prepare({}), prepare({})];
    expect(one).not.toBe(other);
    const withoutKey = (text: string): string => text.replace(/Key: .{24}\r/, "");
    expect(withoutKey(one)).toBe(withoutKey(other));
    for (const [given, line] of [
      [{ deflate: {} }, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
      [{ headers: { "X-A": "1" } }, "X-A: 1"],
      [{ subprotocols: "chat" }, "Sec-WebSocket-Protocol: chat"],
      [{ url: "ws://feed.test/other" }, "GET /other HTTP/1.1"],
    ] as const) {
      check({ url, ...given });
      expect(prepare(given)).toContain(`${line}\r\n`);
      expect(withoutKey(prepare({}))).toBe(withoutKey(one));
    }
  });

  it("accepts a URL object and sends its userinfo as Authorization", async () => {
    expect(await linesOf({ url: new URL("wss://user:secret@feed.test/") })).toEqual([
      `Authorization: Basic ${Buffer.from("user:secret").toString("base64")}`,
    ]);
  });

  it.each([
    [{}, ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]],
    [
      { windowBits: 10, peerNoContextTakeover: true },
      ["Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=10"],
    ],
  ])("offers permessage-deflate with the parameters %j", async (deflate, lines) => {
    expect(await linesOf({ deflate })).toEqual(lines);
  });
});

const forms: readonly (readonly [what: string, headers: unknown, lines: readonly string[]])[] = [
  ["an object", { "X-One": "1", "x-two": "2" }, ["X-One: 1", "x-two: 2"]],
  ["an object with repeats", { "X-One": ["1", "2"], Y: "3" }, ["X-One: 1", "X-One: 2", "Y: 3"]],
  [
    "pairs",
    [
      ["b", "1"],
      ["A", "2"],
      ["b", "3"],
    ],
    ["b: 1", "A: 2", "b: 3"],
  ],
  [
    "a Map",
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
    ["a: 1", "b: 2"],
  ],
  [
    "another iterable of pairs, such as Headers",
    new URLSearchParams([
      ["b", "2"],
      ["a", "1"],
    ]),
    ["b: 2", "a: 1"],
  ],
  ["an empty object", {}, []],
  ["none", undefined, []],
];

describe("headers", () => {
  it.each(forms)("may be %s, or a function that returns it", async (_what, headers, lines) => {
    expect(await linesOf({ headers })).toEqual(lines);
    expect(await linesOf({ headers: () => headers })).toEqual(lines);
    expect(await linesOf({ headers: () => Promise.resolve(headers) })).toEqual(lines);
    check({ headers });
  });

  it("may replace Host", async () => {
    const { handshake } = await prepareRequest(
      source({ headers: { host: "other.test" } }),
      context,
      steadyRandom(),
    );
    expect(handshake.request.toString("latin1").match(/host: .*/gi)).toEqual(["host: other.test"]);
  });

  it.each([
    [null, "must be an object, or pairs of name and value in an array, a Map or a Headers, not null."],
    ["Authorization: Bearer s3cret", "not a string."],
    [5, "not 5."],
    [["Authorization: Bearer s3cret"], "must be a pair of name and value, not a string."],
    [[["Authorization", "Bearer s3cret", "more"]], "must be a pair of name and value, not an array."],
    [[["Authorization"]], "must be a pair of name and value, not an array."],
    [[null], "must be a pair of name and value, not null."],
    [
      { Authorization: 5 },
      'The header field "Authorization" in the option "headers" must be text, not a number.',
    ],
    [{ Authorization: undefined }, '"Authorization" in the option "headers" must be text, not undefined.'],
    [{ Authorization: null }, '"Authorization" in the option "headers" must be text, not null.'],
    [
      { Authorization: ["a", ["s3cret"]] },
      '"Authorization" in the option "headers" must be text, not an array.',
    ],
    [new Map([[5, "s3cret"]]), 'The header field 5 in the option "headers" must be text, not a string.'],
    [{ Upgrade: "s3cret" }, 'Header "Upgrade" is not allowed: the opening handshake sets it'],
    [{ "Sec-WebSocket-Key": "s3cret" }, "the opening handshake sets it"],
    [{ "Bad Name": "s3cret" }, 'Invalid header name "Bad"'],
    [{ Authorization: "s3cret\r\nX: y" }, "control character"],
  ])("may not be %j", async (headers, message) => {
    expect(() => check({ headers })).toThrow(TypeError);
    expect(() => check({ headers })).toThrow(message);
    const error = await linesOf({ headers: () => headers }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain("s3cret");
  });
});

describe("subprotocols", () => {
  it.each([
    ["chat", ["Sec-WebSocket-Protocol: chat"]],
    [["chat", "feed"], ["Sec-WebSocket-Protocol: chat, feed"]],
    [[], []],
    [undefined, []],
  ])("may be %j, or a function that returns it", async (subprotocols, lines) => {
    expect(await linesOf({ subprotocols })).toEqual(lines);
    expect(await linesOf({ subprotocols: () => Promise.resolve(subprotocols) })).toEqual(lines);
    check({ subprotocols });
  });

  it.each([null, 5, {}, [5], [null], "two words", [""], ["a", "a"], "a,b"])(
    "may not be %j",
    async (subprotocols) => {
      expect(() => check({ subprotocols })).toThrow(TypeError);
      await expect(linesOf({ subprotocols: () => subprotocols })).rejects.toThrow(TypeError);
    },
  );
});

describe("the URL", () => {
  it.each(["", "feed.test", "ftp://feed.test", "ws://feed.test/#part", 5, null, {}])(
    "may not be %j",
    async (url) => {
      if (url !== null) expect(() => check({ url })).toThrow(TypeError);
      await expect(linesOf({ url: () => url })).rejects.toThrow(TypeError);
    },
  );

  it("appears in errors without its credentials", async () => {
    const url = "ws://user:s3cret@feed.test/?token=s3cret#part";
    const error = await linesOf({ url: () => url }).catch((reason: unknown) => reason);
    expect(String(error)).toContain("feed.test");
    expect(String(error)).not.toContain("s3cret");
  });
});

describe("checkRequest()", () => {
  it("checks all static values and returns the URL without credentials", () => {
    expect(check({ url: "wss://user:secret@feed.test/?token=x" })).toBe("wss://feed.test/?token=***");
    expect(check({ url: () => "nonsense", headers: () => 5, subprotocols: () => 5 })).toBe("");
  });

  it("calls no function", () => {
    const never = (): never => expect.unreachable();
    check({ url: never, headers: never, subprotocols: never });
  });
});

describe("provider functions", () => {
  it("receive the context of the attempt", async () => {
    const seen: unknown[] = [];
    const provider = (value: unknown) => (given: AttemptContext) => {
      seen.push(given);
      return value;
    };
    const url = provider("ws://feed.test/");
    await linesOf({ url, headers: provider({}), subprotocols: provider([]) });
    expect(seen).toEqual([context, context, context]);
    expect(seen.every((given) => given === context)).toBe(true);
  });

  it("are called for every attempt", async () => {
    let token = 0;
    const headers = (): object => ({ token: String(++token) });
    expect([await linesOf({ headers }), await linesOf({ headers })]).toEqual([["token: 1"], ["token: 2"]]);
  });

  it("are called in parallel", async () => {
    const order: string[] = [];
    const slow = (name: string, value: unknown) => async (): Promise<unknown> => {
      order.push(`${name} asked`);
      await Promise.resolve();
      order.push(`${name} done`);
      return value;
    };
    await linesOf({ url: slow("url", "ws://feed.test/"), headers: slow("headers", {}) });
    expect(order).toEqual(["url asked", "headers asked", "url done", "headers done"]);
  });

  const failure = new Error("mine");
  const throws = (): never => {
    throw failure;
  };
  const rejects = (): Promise<never> => Promise.reject(failure);
  const rejectsLate = async (): Promise<never> => {
    await new Promise((resolve) => setImmediate(resolve));
    throw failure;
  };

  it.each([
    [{ url: throws }],
    [{ headers: throws }],
    [{ subprotocols: rejects }],
    [{ url: rejects, headers: throws }],
    [{ url: rejectsLate, headers: throws, subprotocols: rejects }],
  ])("reject the request when they fail, without an unhandled rejection: %o", async (given) => {
    await expect(linesOf(given)).rejects.toBe(failure);
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("the proxy of a request", () => {
  afterEach(() => vi.unstubAllEnvs());

  async function proxyOf(proxy: unknown): Promise<unknown> {
    const prepared = await prepareRequest(source({ proxy }), context, steadyRandom());
    return prepared.proxy?.uri.display;
  }

  it("is that of the environment at the time of the attempt", async () => {
    vi.stubEnv("http_proxy", "http://first.test:1");
    expect(await proxyOf("env")).toBe("http://first.test:1");
    expect(await proxyOf(() => "env")).toBe("http://first.test:1");
    vi.stubEnv("http_proxy", "second.test:2");
    expect(await proxyOf("env")).toBe("http://second.test:2");
    vi.stubEnv("no_proxy", "feed.test");
    expect(await proxyOf("env")).toBeUndefined();
  });

  it("is that of a function, which gets the URL", async () => {
    expect(await proxyOf((url: string) => `http://proxy.test/?${url}`)).toBe("http://proxy.test:80");
    expect(await proxyOf(() => Promise.resolve("socks5://proxy.test"))).toBe("socks5://proxy.test:1080");
    expect(await proxyOf(() => false)).toBeUndefined();
    expect(await proxyOf(() => undefined)).toBeUndefined();
  });

  it.each(["ftp://user:gu3ss@proxy.test", "http://user:gu3ss@", "http://x:gu3ss@:99999"])(
    "names the variables if the environment contains %j",
    async (url) => {
      vi.stubEnv("http_proxy", url);
      const error = await proxyOf("env").catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toContain("HTTPS_PROXY, HTTP_PROXY or ALL_PROXY");
      expect(String(error)).not.toContain("gu3ss");
    },
  );

  it("is never the word env in a variable", async () => {
    vi.stubEnv("http_proxy", "env");
    expect(await proxyOf("env")).toBe("http://env:80");
  });
});
