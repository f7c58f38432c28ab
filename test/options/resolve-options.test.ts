import { describe, expect, it } from "vitest";
import type { WebSocketOptions } from "../../src/options/options.js";
import { resolveOptions } from "../../src/options/resolve-options.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

type Options = WebSocketOptions<unknown, unknown>;
type Resolved = ReturnType<typeof resolveOptions<unknown, unknown>>;

const runtime = new VirtualRuntime();

/**
 * Accepts any object, as JavaScript callers may pass any value.
 * @returns All resolved options, including inherited defaults, as own properties.
 */
function resolve(options: object = {}): Resolved {
  const resolved = resolveOptions<unknown, unknown>(options, runtime);
  const names: string[] = [];
  for (const name in resolved) names.push(name);
  return Object.fromEntries(
    names.map((name) => [name, resolved[name as keyof Resolved]]),
  ) as unknown as Resolved;
}

const { reconnect, retryInitial, backoff, shouldReconnect, maxConnectionAge, rotation } = resolve();
const { heartbeat, buffer, outbox, replay, onConnection, setupTimeout } = resolve();
const layerDefaults = {
  ...{ reconnect, retryInitial, backoff, shouldReconnect, maxConnectionAge, rotation },
  ...{ heartbeat, buffer, outbox, replay, onConnection, setupTimeout },
};
const defaults: Resolved = {
  subprotocols: undefined,
  headers: undefined,
  serializer: undefined,
  deserializer: undefined,
  deflate: {},
  compressionThreshold: 128,
  followRedirects: 0,
  connectTimeout: 10_000,
  closeTimeout: 5_000,
  messageTimeout: 120_000,
  maxMessageSize: 67_108_864,
  maxFrameSize: 67_108_864,
  maxFragments: 131_072,
  maxControlRate: 2_000,
  ...layerDefaults,
  highWaterMark: 1_048_576,
  lowWaterMark: 524_288,
  maxBufferedAmount: 67_108_864,
  autoPong: true,
  tls: undefined,
  tlsSessions: true,
  lookup: undefined,
  localAddress: undefined,
  socketPath: undefined,
  schema: undefined,
  schemaMode: "strict",
  noDelay: true,
  keepAlive: false,
  createConnection: undefined,
  insecureCredentials: "warn",
  redact: undefined,
  proxy: undefined,
  signal: undefined,
  runtime,
};

const names = [...Object.keys(defaults).filter((name) => name !== "deflate"), "compress"];

class Settings {
  readonly connectTimeout = 7;
  readonly tls = tls;
}

describe("inherited properties of the options", () => {
  it("are ignored, whether they are valid or not", () => {
    const inherited = { connectTimeout: 7, socketPath: 5, createConnection: "none", unheardOf: 1 };
    expect(resolve(Object.create(inherited) as object)).toEqual(defaults);
  });

  it.each([
    ["compress", { level: 99 }],
    ["backoff", { base: "none" }],
    ["rotation", { overlap: "none" }],
    ["heartbeat", { interval: "none" }],
    ["buffer", { capacity: "none" }],
    ["outbox", { capacity: "none" }],
  ])("are ignored inside an option too: %s", (name, inherited) => {
    expect(resolve({ [name]: Object.create(inherited) as object })).toEqual(resolve({ [name]: {} }));
  });

  it("are ignored in a cursor", () => {
    const cursor = Object.assign(Object.create({ epoch: {} }) as object, { sequence: 1 });
    const { replay } = resolve({ replay: { sequence: () => 1, cursors: { default: cursor } } });
    expect(replay?.cursors?.["default"]?.epoch).toBeUndefined();
  });

  it("do not include the fields of a class instance, which are used", () => {
    expect(resolve(new Settings())).toMatchObject({ connectTimeout: 7, tls });
  });
});

describe("an option that is not set", () => {
  it("has its default", () => expect(resolve()).toEqual(defaults));

  it.each(names)("may be undefined: %s", (name) => {
    expect(resolve({ [name]: undefined })).toEqual(defaults);
  });

  it("has a default that depends on a related option", () => {
    expect(resolve({ maxMessageSize: 1_000 }).maxFrameSize).toBe(1_000);
    expect(resolve({ connectTimeout: 7 }).setupTimeout).toBe(7);
    expect(resolve({ highWaterMark: 7 }).lowWaterMark).toBe(3);
    expect(resolve({ highWaterMark: 2 ** 30 }).maxBufferedAmount).toBe(2 ** 30);
  });
});

const aFunction = (): string => "x";
const { signal } = new AbortController();
const tls = Object.freeze({ rejectUnauthorized: false });

const good: readonly (readonly [options: Options, resolved: Partial<Resolved>])[] = [
  [{ subprotocols: "chat" }, { subprotocols: "chat" }],
  [{ subprotocols: ["chat", "feed"] }, { subprotocols: ["chat", "feed"] }],
  [{ subprotocols: aFunction }, { subprotocols: aFunction }],
  [{ headers: { a: "1" } }, { headers: { a: "1" } }],
  [{ headers: [["a", "1"]] }, { headers: [["a", "1"]] }],
  [{ headers: new Map([["a", "1"]]) }, { headers: [["a", "1"]] }],
  [{ headers: new URLSearchParams({ a: "1" }) }, { headers: [["a", "1"]] }],
  [{ serializer: aFunction }, { serializer: aFunction }],
  [{ deserializer: aFunction }, { deserializer: aFunction }],
  [{ compress: false }, { deflate: undefined }],
  [{ compress: true }, { deflate: {} }],
  [{ compress: { level: 0, memLevel: 9 } }, { deflate: { level: 0, memLevel: 9 } }],
  [{ compress: { windowBits: 8, serverWindowBits: 15 } }, { deflate: { windowBits: 8, peerWindowBits: 15 } }],
  [{ compress: { noContextTakeover: true } }, { deflate: { noContextTakeover: true } }],
  [{ compress: { serverNoContextTakeover: true } }, { deflate: { peerNoContextTakeover: true } }],
  [{ compressionThreshold: 0 }, { compressionThreshold: 0 }],
  [
    { connectTimeout: 1, closeTimeout: 2, messageTimeout: 3 },
    { connectTimeout: 1, closeTimeout: 2, messageTimeout: 3, setupTimeout: 1 },
  ],
  [
    { maxMessageSize: 1, maxFrameSize: 2 },
    { maxMessageSize: 1, maxFrameSize: 2 },
  ],
  [
    { highWaterMark: 10, lowWaterMark: 10, maxBufferedAmount: 10 },
    { highWaterMark: 10, lowWaterMark: 10, maxBufferedAmount: 10 },
  ],
  [
    { autoPong: false, noDelay: false },
    { autoPong: false, noDelay: false },
  ],
  [{ tls }, { tls }],
  [
    { localAddress: "127.0.0.2", socketPath: "/run/feed" },
    { localAddress: "127.0.0.2", socketPath: "/run/feed" },
  ],
  [{ keepAlive: true }, { keepAlive: 60_000 }],
  [{ keepAlive: false }, { keepAlive: false }],
  [{ keepAlive: 5 }, { keepAlive: 5 }],
  [{ signal }, { signal }],
];

describe("an option that is set", () => {
  it("is an own property of an object that inherits the shared defaults", () => {
    const all = resolveOptions<unknown, unknown>({}, runtime);
    const resolved = resolveOptions<unknown, unknown>({ connectTimeout: 5, autoPong: true }, runtime);
    expect(Object.getPrototypeOf(resolved)).toBe(all);
    // The default of setupTimeout is connectTimeout.
    expect(Object.keys(resolved).sort()).toEqual(["connectTimeout", "setupTimeout"]);
    expect(all.connectTimeout).toBe(10_000);
  });

  it.each(good)("is resolved: %o", (options, resolved) => {
    expect(resolve(options)).toEqual({ ...defaults, ...resolved });
  });

  it("may be another runtime", () => {
    const other = new VirtualRuntime();
    expect(resolve({ runtime: other }).runtime).toBe(other);
  });

  it("may be a function: lookup and createConnection", () => {
    expect(resolve({ lookup: aFunction, createConnection: aFunction })).toEqual({
      ...defaults,
      lookup: aFunction,
      createConnection: aFunction,
    });
  });

  it("is passed on as the same object and is not modified", () => {
    const compress = Object.freeze({ level: 5 });
    const headers = Object.freeze({ a: "1" });
    const options = Object.freeze({ tls, compress, headers });
    const resolved = resolve(options);
    expect(resolved.tls).toBe(tls);
    expect(resolved.headers).toBe(headers);
    expect(options).toEqual({
      tls: { rejectUnauthorized: false },
      compress: { level: 5 },
      headers: { a: "1" },
    });
  });

  it("may be an iterable of headers that can be iterated only once", () => {
    function* pairs(): Generator<readonly [string, string]> {
      yield ["a", "1"];
    }
    const { headers } = resolve({ headers: pairs() });
    expect([headers, [...(headers as Iterable<unknown>)]]).toEqual([[["a", "1"]], [["a", "1"]]]);
  });
});

// The names of options by their type, for the tables of wrong values.
const booleans = ["autoPong", "noDelay", "tlsSessions"];
const numbers = [
  "compressionThreshold",
  "connectTimeout",
  "closeTimeout",
  "messageTimeout",
  "maxMessageSize",
];
const moreNumbers = [
  ...["maxFrameSize", "maxFragments", "maxControlRate"],
  ...["highWaterMark", "lowWaterMark", "maxBufferedAmount"],
];
const functions = ["serializer", "deserializer", "lookup", "createConnection"];
const strings = ["localAddress", "socketPath"];

const wrongTypes: readonly (readonly [name: string, value: unknown, message: string])[] = [
  ...booleans.flatMap((name) =>
    [null, 1, "true"].map((value) => [name, value, "must be true or false, not"] as const),
  ),
  ...[...numbers, ...moreNumbers].flatMap((name) =>
    [null, "5", {}].map((value) => [name, value, "must be a number, not"] as const),
  ),
  ...functions.flatMap((name) =>
    [null, "f", {}].map((value) => [name, value, "must be a function, not"] as const),
  ),
  ...strings.flatMap((name) =>
    [null, 5, ""].map((value) => [name, value, "must be a string that is not empty, not"] as const),
  ),
  ...[true, null, {}, 5, () => true, { "~standard": null }, { "~standard": { version: 1 } }].map(
    (value) =>
      [
        "schema",
        value,
        'must be a Standard Schema, version 1, which has the property "~standard", not',
      ] as const,
  ),
  [
    "schema",
    { "~standard": { version: 2, validate: () => true } },
    "must be a Standard Schema, version 1, which",
  ],
  ["schemaMode", "strict", 'The option "schemaMode" requires the option "schema".'],
  ["schemaMode", "off", 'must be one of "strict", "lenient", not "off".'],
  ...["headers", "subprotocols"].flatMap((name) =>
    [null, 5, true].map((value) => [name, value, "or a function that returns it, not"] as const),
  ),
  ["tls", null, "must be an object, not null."],
  ["tls", "-----BEGIN PRIVATE KEY-----", "must be an object, not a string."],
  ["tls", [], "must be an object, not an array."],
  ["keepAlive", "yes", 'must be true, false or a number, not "yes".'],
  ["keepAlive", null, "must be true, false or a number, not null."],
  ["compress", null, "must be true, false or an object, not null."],
  ["compress", 5, "must be true, false or an object, not 5."],
  ["signal", {}, "must be an AbortSignal, not an object."],
  ["signal", null, "must be an AbortSignal, not null."],
  ["runtime", null, "must be an object, not null."],
  ["proxy", true, 'must be "env", a url, an object with a url, a function, or false, not true.'],
  ["proxy", null, 'must be "env", a url, an object with a url, a function, or false, not null.'],
];

const wrongParts: readonly (readonly [options: object, name: string])[] = [
  [{ compress: { level: "9" } }, "compress.level"],
  [{ compress: { noContextTakeover: 1 } }, "compress.noContextTakeover"],
  [{ compress: { serverNoContextTakeover: null } }, "compress.serverNoContextTakeover"],
];

const outOfBounds: readonly (readonly [options: object, name: string, min: number])[] = [
  [{ compressionThreshold: -1 }, "compressionThreshold", 0],
  [{ connectTimeout: 0 }, "connectTimeout", 1],
  [{ connectTimeout: 1.5 }, "connectTimeout", 1],
  [{ connectTimeout: Infinity }, "connectTimeout", 1],
  [{ closeTimeout: 0 }, "closeTimeout", 1],
  [{ messageTimeout: Number.NaN }, "messageTimeout", 1],
  [{ maxMessageSize: 0 }, "maxMessageSize", 1],
  [{ maxMessageSize: 2 ** 30 }, "maxMessageSize", 1],
  [{ maxFrameSize: 0 }, "maxFrameSize", 1],
  [{ maxFragments: 0 }, "maxFragments", 1],
  [{ maxFragments: Infinity }, "maxFragments", 1],
  [{ maxControlRate: 0 }, "maxControlRate", 1],
  [{ maxControlRate: 0.5 }, "maxControlRate", 1],
  [{ highWaterMark: 0 }, "highWaterMark", 1],
  [{ highWaterMark: 10, lowWaterMark: 11 }, "lowWaterMark", 0],
  [{ lowWaterMark: -1 }, "lowWaterMark", 0],
  [{ maxBufferedAmount: 5 }, "maxBufferedAmount", 1_048_576],
  [{ keepAlive: 0 }, "keepAlive", 1],
  [{ compress: { level: 10 } }, "compress.level", 0],
  [{ compress: { memLevel: 0 } }, "compress.memLevel", 1],
  [{ compress: { windowBits: 7 } }, "compress.windowBits", 8],
  [{ compress: { serverWindowBits: 16 } }, "compress.serverWindowBits", 8],
];

describe("a wrong option is named in the error", () => {
  it.each(wrongTypes)("%s: %o", (name, value, message) => {
    const check = (): Resolved => resolve({ [name]: value });
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`The option "${name}" `);
    expect(check).toThrow(message);
  });

  it.each(wrongParts)("%o", (options, name) => {
    const check = (): Resolved => resolve(options);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`The option "${name}" must be `);
  });

  it.each(outOfBounds)("%o is out of bounds", (options, name, min) => {
    const check = (): Resolved => resolve(options);
    expect(check).toThrow(RangeError);
    expect(check).toThrow(`The option "${name}" must be a whole number from ${min} to `);
  });

  it.each([null, "chat", ["chat"], 5, aFunction])("throws for %o instead of an options object", (options) => {
    expect(() => resolveOptions(options as never, runtime)).toThrow(
      'The option "options" must be an object, not ',
    );
  });
});

it("does not show a string instead of the options, because a subprotocol may contain a token", () => {
  expect(() => resolveOptions("bearer.secret" as never, runtime)).toThrow(/^((?!secret).)*$/);
});

it.each(["chat", ["chat"]])(
  "mentions the option subprotocols for %o instead of an options object",
  (options) => {
    expect(() => resolveOptions(options as never, runtime)).toThrow('{ subprotocols: ["chat"] }');
  },
);

describe("an unknown option name", () => {
  it.each([
    [{ reconect: false }, "reconect", "options", "Use reconnect. Known options: autoPong, "],
    [{ compress: { levle: 5 } }, "levle", "compress", "Use level. Known options: level, memLevel"],
    [{ qqq: 5 }, "qqq", "options", "Known options: autoPong, "],
  ])("%o throws an error that lists the known names", (options, name, where, known) => {
    const check = (): Resolved => resolve(options);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`Unknown option "${name}" in ${where}. ${known}`);
  });

  it("is ignored if its value is undefined", () => {
    expect(resolve({ reconect: undefined, compress: { levle: undefined } })).toEqual(defaults);
  });

  it("throws an error that lists every known name", () => {
    const message = (): string => {
      try {
        resolve({ x: 1 });
        return "";
      } catch (error) {
        return String(error);
      }
    };
    expect(
      message()
        .match(/Known options: (.*)\./)?.[1]
        ?.split(", "),
    ).toEqual([...names].sort());
  });
});

describe("schema", () => {
  const standard = { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } as const;

  it("may be false", () => expect(resolve({ schema: false })).toEqual(defaults));

  it.each([
    ["an object", { "~standard": standard }],
    ["a function", Object.assign(() => undefined, { "~standard": standard })],
  ])("may be %s", (_, schema) => {
    expect(resolve({ schema, schemaMode: "lenient" })).toEqual({
      ...defaults,
      schema,
      schemaMode: "lenient",
    });
  });
});
