import { describe, expect, it } from "vitest";
import { isSocketOption, lookupOf, readOptions } from "../../src/ws/options.js";

const read = (options: object): ReturnType<typeof readOptions> => readOptions(options);

describe("the options", () => {
  it("have the defaults of `ws`", () => {
    const { engine, tls, headers, maxRedirects, isSynchronous } = readOptions();
    expect(engine).toMatchObject({
      ...{
        reconnect: false,
        heartbeat: false,
        closeTimeout: 30_000,
        autoPong: true,
        compressionThreshold: 0,
      },
      ...{ maxMessageSize: 104_857_600, maxFragments: 16_384, connectTimeout: Number.MAX_SAFE_INTEGER },
    });
    expect([tls, headers.size, maxRedirects, isSynchronous]).toEqual([{}, 0, -1, true]);
  });

  it("set those of the client", () => {
    const { engine, maxRedirects, isSynchronous } = read({
      ...{
        handshakeTimeout: 5,
        closeTimeout: 6,
        maxPayload: 7,
        maxFragments: 8,
        autoPong: false,
        noDelay: false,
      },
      ...{ keepAlive: true, keepAliveInitialDelay: 9, localAddress: "127.0.0.1", followRedirects: true },
      ...{ maxRedirects: 3, allowSynchronousEvents: false, perMessageDeflate: false },
    });
    expect(engine).toMatchObject({
      ...{ connectTimeout: 5, closeTimeout: 6, maxMessageSize: 7, maxFragments: 8, autoPong: false },
      ...{ noDelay: false, keepAlive: 9, localAddress: "127.0.0.1", compress: false },
    });
    expect([maxRedirects, isSynchronous]).toEqual([3, false]);
  });

  it.each([
    [0, 512 * 1024 * 1024 - 24],
    [Infinity, 512 * 1024 * 1024 - 24],
    [2 ** 40, 512 * 1024 * 1024 - 24],
  ])("maxPayload %d is no limit of its own", (maxPayload, expected) => {
    expect(read({ maxPayload }).engine.maxMessageSize).toBe(expected);
  });

  it.each([
    ["headers", ["a", 5, new Map(), [["a", "b"]], new Set()]],
    ["origin", [5, true, Symbol("a"), {}]],
    ["auth", [5, true, {}]],
    ["perMessageDeflate", [0, 1, "", "on"]],
  ])("%s of another type is refused by its name", (name, values) => {
    for (const value of values)
      expect(() => read({ [name]: value })).toThrow(
        expect.objectContaining({ name: "TypeError", message: expect.stringContaining(name) as string }),
      );
  });

  it("origin and auth may be empty", () => {
    for (const value of ["", false, undefined, null]) {
      const { headers, auth } = read({ origin: value, auth: value });
      expect([headers.size, auth]).toEqual([0, undefined]);
    }
  });

  it("of perMessageDeflate become those of compress", () => {
    const { engine } = read({
      perMessageDeflate: {
        ...{ serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10 },
        ...{
          clientMaxWindowBits: 11,
          concurrencyLimit: 10,
          threshold: 5,
          zlibInflateOptions: { chunkSize: 1 },
        },
        zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
      },
    });
    expect(engine.compressionThreshold).toBe(5);
    expect(engine.compress).toEqual({
      ...{ level: 3, memLevel: 7, windowBits: 11, serverWindowBits: 10 },
      ...{ noContextTakeover: true, serverNoContextTakeover: true },
    });
    expect(read({ perMessageDeflate: { clientNoContextTakeover: true } }).engine.compressionThreshold).toBe(
      1024,
    );
    expect(read({ perMessageDeflate: { clientMaxWindowBits: true } }).engine.compress).toMatchObject({
      windowBits: undefined,
    });
  });

  it("of TLS are collected, and those without effect in `ws` are ignored", () => {
    const { tls } = read({
      ca: "ca",
      rejectUnauthorized: false,
      servername: "x",
      host: "h",
      port: 1,
      timeout: 2,
      key: undefined,
    });
    expect(tls).toEqual({ ca: "ca", rejectUnauthorized: false, servername: "x" });
    expect([isSocketOption("ca"), isSocketOption("family"), isSocketOption("maxSockets")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each([
    ["generateMask", { generateMask: () => undefined }],
    ["finishRequest", { finishRequest: () => undefined }],
    ["maxBufferedChunks", { maxBufferedChunks: 1 }],
    ["maxPendingAutoPongs", { maxPendingAutoPongs: 1 }],
    ["skipUTF8Validation", { skipUTF8Validation: true }],
    ["autoSelectFamily", { autoSelectFamily: false }],
    ["localPort", { localPort: 1 }],
    ["signal", { signal: AbortSignal.abort() }],
    ["handshakeTimeot", { handshakeTimeot: 1 }],
    [
      "perMessageDeflate.zlibDeflateOptions.strategy",
      { perMessageDeflate: { zlibDeflateOptions: { strategy: 1 } } },
    ],
    [
      "perMessageDeflate.zlibInflateOptions.level",
      { perMessageDeflate: { zlibInflateOptions: { level: 1 } } },
    ],
    ["perMessageDeflate.other", { perMessageDeflate: { other: 1 } }],
    ["perMessageDeflate.clientMaxWindowBits", { perMessageDeflate: { clientMaxWindowBits: false } }],
    ["createConnection", { createConnection: 1 }],
    ["lookup", { lookup: "x" }],
    ["autoPong", { autoPong: 1 }],
    ["undefined", { headers: { a: undefined } }],
  ])("refuse %s with a TypeError that names it", (name, options) => {
    expect(() => read(options)).toThrow(TypeError);
    expect(() => read(options)).toThrow(name);
  });

  it.each([
    ["protocol version", { protocolVersion: 8 }],
    ["maxPayload", { maxPayload: -1 }],
    ["maxPayload", { maxPayload: "1" }],
    ["handshakeTimeout", { handshakeTimeout: NaN }],
    ["maxRedirects", { followRedirects: true, maxRedirects: -1 }],
    ["serverMaxWindowBits", { perMessageDeflate: { serverMaxWindowBits: 7 } }],
    ["level", { perMessageDeflate: { zlibDeflateOptions: { level: 10 } } }],
  ])("refuse a wrong %s with a RangeError", (name, options) => {
    expect(() => read(options)).toThrow(RangeError);
    expect(() => read(options)).toThrow(name);
  });

  it("may be null, which means that they are not set", () => {
    const { engine, tls, headers, agent } = read({
      ...{ ca: null, pfx: null, headers: null, agent: null, maxPayload: null, perMessageDeflate: null },
      ...{ unknown: null, handshakeTimeout: undefined },
    });
    expect([tls, headers.size, agent, engine.compress, engine.maxMessageSize]).toEqual([
      {},
      0,
      undefined,
      false,
      104_857_600,
    ]);
  });

  it("do not come from a polluted Object.prototype", () => {
    Object.defineProperty(Object.prototype, "handshakeTimeout", { value: 1, configurable: true });
    try {
      expect(read({ maxPayload: 5 }).engine.connectTimeout).toBe(Number.MAX_SAFE_INTEGER);
    } finally {
      delete (Object.prototype as { handshakeTimeout?: unknown }).handshakeTimeout;
    }
  });
});

describe("header fields", () => {
  it("keep their values, without the fields of the handshake", () => {
    const { headers } = read({
      headers: { "X-A": 1, "x-b": ["c", "d"], Upgrade: "h2c", connection: "close", "Sec-WebSocket-Key": "x" },
      origin: "http://o.test",
    });
    expect([...headers.values()]).toEqual([
      ["X-A", "1"],
      ["x-b", ["c", "d"]],
      ["Origin", "http://o.test"],
    ]);
  });
});

describe("lookup", () => {
  it("receives family and hints", () => {
    const calls: unknown[] = [];
    const lookup = lookupOf({
      ...{ family: 6, hints: 32 },
      lookup: (host, options, callback) => {
        calls.push(host, options);
        callback(null, "::1", 6);
      },
    });
    lookup("a.test", { all: true }, (_error, address) => calls.push(address));
    expect(calls).toEqual(["a.test", { all: true, family: 6, hints: 32 }, "::1"]);
  });
});
