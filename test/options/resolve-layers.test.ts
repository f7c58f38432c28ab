import { describe, expect, it } from "vitest";
import type { ResolvedLayers } from "../../src/options/resolve-layers.js";
import { resolveOptions } from "../../src/options/resolve-options.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

const runtime = new VirtualRuntime();

/** Accepts any object, as JavaScript callers may pass any value. Returns only the layer options. */
function resolve(options: object = {}): ResolvedLayers {
  const resolved = resolveOptions<unknown, unknown>(options, runtime);
  const names = Object.keys(defaults) as (keyof ResolvedLayers)[];
  return Object.fromEntries(names.map((name) => [name, resolved[name]])) as unknown as ResolvedLayers;
}

const backoff = {
  ...{ base: 1_000, multiplier: 2, cap: 60_000, floor: 100, jitter: true },
  ...{ maxAttempts: 0, maxElapsed: undefined, resetAfter: 60_000, retryAfterCap: 900_000 },
};
const rotation = { mode: "replace", overlap: 5_000, jitter: 0.1, maxWaiting: 10_000 };
const heartbeat = { interval: 30_000, timeout: 20_000, ping: undefined, isPong: undefined };
const buffer = { capacity: 1_000, maxBytes: 4_194_304, overflow: "pause", keyOf: undefined };
const outbox = {
  ...{ capacity: 1_000, maxBytes: 4_194_304, ttl: undefined, overflow: "error", perSecond: undefined },
  ...{ keyOf: undefined, idOf: undefined, acknowledges: undefined },
};
const f = (): undefined => undefined;
const replay = {
  ...{ sequence: f, isNext: undefined, streamOf: undefined, epochOf: undefined, onReplay: undefined },
  ...{ window: 1_000, maxWaiting: 10_000, recoveryTimeout: 10_000, cursors: undefined },
};
const defaults = {
  ...{ reconnect: true, retryInitial: false, backoff, shouldReconnect: undefined },
  ...{ maxConnectionAge: undefined, rotation, heartbeat, buffer, outbox: undefined, replay: undefined },
  ...{ onConnection: undefined, setupTimeout: 10_000 },
};

describe("an option that is not set", () => {
  it("has its default", () => expect(resolve()).toEqual(defaults));

  it.each(Object.keys(defaults))("may be undefined: %s", (name) => {
    expect(resolve({ [name]: undefined })).toEqual(defaults);
  });

  it.each([
    [{ backoff: {}, rotation: {}, heartbeat: {}, buffer: {} }, {}],
    [{ outbox: {} }, { outbox }],
    [{ replay: { sequence: f } }, { replay, rotation: { ...rotation, mode: "overlap" } }],
    [{ backoff: { x: undefined }, outbox: { ttl: undefined } }, { outbox }],
  ])("has its default inside %o", (options, resolved) => {
    expect(resolve(options)).toEqual({ ...defaults, ...resolved });
  });

  it("has a default that is one frozen object for all clients", () => {
    const [one, other] = [resolve(), resolve()];
    for (const name of ["backoff", "rotation", "heartbeat", "buffer"] as const) {
      expect(one[name]).toBe(other[name]);
      expect(Object.isFrozen(one[name])).toBe(true);
    }
  });
});

const cursors = { default: { sequence: 5 }, b: { sequence: -1, epoch: "e" } };

const good: readonly (readonly [options: object, resolved: object])[] = [
  [
    { reconnect: false, retryInitial: true },
    { reconnect: false, retryInitial: true },
  ],
  [
    { shouldReconnect: f, onConnection: f },
    { shouldReconnect: f, onConnection: f },
  ],
  [
    { maxConnectionAge: 1, setupTimeout: 1 },
    { maxConnectionAge: 1, setupTimeout: 1 },
  ],
  [
    { backoff: { base: 1, multiplier: 1.5, cap: 1, floor: 0, maxElapsed: 1, resetAfter: 0 } },
    { backoff: { ...backoff, base: 1, multiplier: 1.5, cap: 1, floor: 0, maxElapsed: 1, resetAfter: 0 } },
  ],
  [
    { backoff: { jitter: false, maxAttempts: 3, retryAfterCap: 0 } },
    { backoff: { ...backoff, jitter: false, maxAttempts: 3, retryAfterCap: 0 } },
  ],
  [
    { rotation: { mode: "overlap", overlap: 0, jitter: 1, maxWaiting: 1 } },
    { rotation: { mode: "overlap", overlap: 0, jitter: 1, maxWaiting: 1 } },
  ],
  [{ rotation: { mode: "replace" }, replay: { sequence: f } }, { replay }],
  [{ heartbeat: false }, { heartbeat: undefined }],
  [{ heartbeat: 5 }, { heartbeat: { ...heartbeat, interval: 5 } }],
  [
    { heartbeat: { interval: 1, timeout: 2, ping: f, isPong: f } },
    { heartbeat: { interval: 1, timeout: 2, ping: f, isPong: f } },
  ],
  [{ heartbeat: { ping: f } }, { heartbeat: { ...heartbeat, ping: f } }],
  [{ buffer: 5 }, { buffer: { ...buffer, capacity: 5 } }],
  [
    { buffer: { capacity: 5, maxBytes: 6, overflow: "error" } },
    { buffer: { ...buffer, capacity: 5, maxBytes: 6, overflow: "error" } },
  ],
  [{ buffer: { overflow: "conflate", keyOf: f } }, { buffer: { ...buffer, overflow: "conflate", keyOf: f } }],
  [{ outbox: false }, {}],
  [{ outbox: 5 }, { outbox: { ...outbox, capacity: 5 } }],
  [
    { outbox: { maxBytes: 1, ttl: 1, overflow: "dropOldest", perSecond: 0.5 } },
    { outbox: { ...outbox, maxBytes: 1, ttl: 1, overflow: "dropOldest", perSecond: 0.5 } },
  ],
  [
    { outbox: { overflow: "conflate", keyOf: f, idOf: f, acknowledges: f } },
    { outbox: { ...outbox, overflow: "conflate", keyOf: f, idOf: f, acknowledges: f } },
  ],
  [
    {
      replay: { sequence: f, isNext: f, streamOf: f, epochOf: f, onReplay: f },
      rotation: { mode: "replace" },
    },
    { replay: { ...replay, isNext: f, streamOf: f, epochOf: f, onReplay: f } },
  ],
  [
    { replay: { sequence: f, window: 1, maxWaiting: 1, recoveryTimeout: 1 }, rotation: { mode: "replace" } },
    { replay: { ...replay, window: 1, maxWaiting: 1, recoveryTimeout: 1 } },
  ],
  [{ replay: { sequence: f, cursors }, rotation: { mode: "replace" } }, { replay: { ...replay, cursors } }],
  [
    { replay: { sequence: f, isNext: f, cursors: { a: { sequence: "x" } } }, rotation: { mode: "replace" } },
    { replay: { ...replay, isNext: f, cursors: { a: { sequence: "x" } } } },
  ],
];

it.each(good)("accepts %o", (options, resolved) => {
  expect(resolve(options)).toEqual({ ...defaults, ...resolved });
});

/** The paths of options by their type. `replay.sequence` is always set. */
const booleans = ["reconnect", "retryInitial", "backoff.jitter"];
const functions = [
  ...["shouldReconnect", "onConnection", "heartbeat.ping", "outbox.keyOf", "buffer.keyOf"],
  ...["replay.sequence", "replay.isNext", "replay.streamOf", "replay.epochOf", "replay.onReplay"],
];
const counts: readonly (readonly [path: string, min: number])[] = [
  ...(["maxConnectionAge", "setupTimeout", "backoff.base", "backoff.cap"] as const).map(
    (path) => [path, 1] as const,
  ),
  ...(["backoff.floor", "backoff.maxAttempts"] as const).map((path) => [path, 0] as const),
  ...[["backoff.maxElapsed", 1] as const, ["backoff.resetAfter", 0] as const],
  ...[["backoff.retryAfterCap", 0] as const, ["rotation.overlap", 0] as const],
  ...[["rotation.maxWaiting", 1] as const, ["heartbeat.interval", 1] as const],
  ...[["heartbeat.timeout", 1] as const, ["buffer.capacity", 1] as const, ["buffer.maxBytes", 1] as const],
  ...[["outbox.capacity", 1] as const, ["outbox.maxBytes", 1] as const, ["outbox.ttl", 1] as const],
  ...[["replay.window", 1] as const, ["replay.maxWaiting", 1] as const],
  ...[["replay.maxStreams", 1] as const, ["replay.recoveryTimeout", 1] as const],
];
const choices = ["rotation.mode", "buffer.overflow", "outbox.overflow"];

/** Returns options in which `path` has `value`. */
function withValue(path: string, value: unknown): object {
  const [name, part] = path.split(".") as [string, string | undefined];
  if (part === undefined) return { [name]: value };
  return { [name]: name === "replay" ? { sequence: f, [part]: value } : { [part]: value } };
}

const wrongTypes: readonly (readonly [path: string, value: unknown, expected: string])[] = [
  ...booleans.flatMap((path) => [null, 1, "true"].map((value) => [path, value, "true or false"] as const)),
  ...functions.flatMap((path) => [null, "f", {}].map((value) => [path, value, "a function"] as const)),
  ...[...counts.map(([path]) => path), "backoff.multiplier", "rotation.jitter", "outbox.perSecond"].flatMap(
    (path) => [null, "5", {}].map((value) => [path, value, "a number"] as const),
  ),
  ...choices.flatMap((path) => [null, "explode", 5].map((value) => [path, value, "one of"] as const)),
  ...["backoff", "rotation", "replay"].flatMap((path) =>
    [null, 5, [], false].map((value) => [path, value, "an object"] as const),
  ),
  ...[null, true, "5", []].map((value) => ["heartbeat", value, "false, a number or an object"] as const),
  ...[null, true, "5", []].map((value) => ["outbox", value, "false, a number or an object"] as const),
  ...[null, true, "5", []].map((value) => ["buffer", value, "a number or an object"] as const),
  ["replay.cursors", null, "an object of cursors"],
  ["replay.cursors", [], "an object of cursors"],
  ["replay.cursors", new Map(), "an object of cursors"],
];

const outOfBounds: readonly (readonly [path: string, value: number, bounds: string])[] = [
  ...counts.flatMap(([path, min]) =>
    [min - 1, min + 0.5, Number.NaN, Infinity].map(
      (value) => [path, value, `a whole number from ${min} to `] as const,
    ),
  ),
  ...[0.9, Number.NaN, Infinity].map(
    (value) => ["backoff.multiplier", value, "a number from 1 to "] as const,
  ),
  ...[-0.1, 1.1, Number.NaN].map((value) => ["rotation.jitter", value, "a number from 0 to 1"] as const),
  ...[0, -1, Number.NaN, Infinity].map((value) => ["outbox.perSecond", value, "a positive number"] as const),
];

describe("a wrong option is named in the error", () => {
  it.each(wrongTypes)("%s: %o", (path, value, expected) => {
    const check = (): ResolvedLayers => resolve(withValue(path, value));
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`The option "${path}" must be ${expected}`);
  });

  it.each(outOfBounds)("%s: %d is out of bounds", (path, value, bounds) => {
    const check = (): ResolvedLayers => resolve(withValue(path, value));
    expect(check).toThrow(RangeError);
    expect(check).toThrow(`The option "${path}" must be ${bounds}`);
  });

  it.each([
    [{ heartbeat: 0 }, "heartbeat.interval"],
    [{ buffer: 0 }, "buffer.capacity"],
    [{ outbox: 0 }, "outbox.capacity"],
  ])("%o is out of bounds", (options, name) => {
    expect(() => resolve(options)).toThrow(RangeError);
    expect(() => resolve(options)).toThrow(`The option "${name}" must be a whole number from 1 to `);
  });

  it.each(["backoff", "rotation", "heartbeat", "buffer", "outbox", "replay"])(
    "a typo in an option of %s",
    (name) => {
      const check = (): ResolvedLayers => resolve(withValue(`${name}.typo`, 5));
      expect(check).toThrow(TypeError);
      expect(check).toThrow(`Unknown option "typo" in ${name}. Known options: `);
    },
  );

  it.each([
    [{ heartbeat: { isPong: f } }, "heartbeat.isPong requires heartbeat.ping"],
    [{ buffer: { overflow: "conflate" } }, 'buffer.overflow: "conflate" requires buffer.keyOf'],
    [{ buffer: { keyOf: f } }, 'buffer.keyOf requires buffer.overflow: "conflate"'],
    [{ outbox: { overflow: "conflate" } }, 'outbox.overflow: "conflate" requires outbox.keyOf'],
    [{ outbox: { overflow: "dropOldest", keyOf: f } }, 'outbox.keyOf requires outbox.overflow: "conflate"'],
    [{ outbox: { idOf: f } }, "outbox.idOf requires outbox.acknowledges"],
    [{ outbox: { acknowledges: f } }, "outbox.acknowledges requires outbox.idOf"],
  ])("%o lacks the other option that it needs", (options, message) => {
    expect(() => resolve(options)).toThrow(TypeError);
    expect(() => resolve(options)).toThrow(message);
  });
});

describe("invalid cursors", () => {
  it.each([
    [null, "", "a cursor"],
    [5, "", "a cursor"],
    [{}, ".sequence", "a safe integer, unless isNext is set"],
    [{ sequence: "5" }, ".sequence", "a safe integer, unless isNext is set"],
    [{ sequence: 1.5 }, ".sequence", "a safe integer, unless isNext is set"],
    [{ sequence: 5, epoch: null }, ".epoch", "a finite number or a string"],
    [{ sequence: 5, epoch: {} }, ".epoch", "a finite number or a string"],
  ])("%o", (cursor, part, expected) => {
    const check = (): ResolvedLayers => resolve({ replay: { sequence: f, cursors: { a: cursor } } });
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`replay.cursors["a"]${part}" must be ${expected}, not `);
  });

  it.each([null, Number.NaN, {}])("of a stream with isNext: %o", (sequence) => {
    const check = (): ResolvedLayers =>
      resolve({ replay: { sequence: f, isNext: f, cursors: { a: { sequence } } } });
    expect(check).toThrow(TypeError);
    expect(check).toThrow('replay.cursors["a"].sequence" must be a finite number or a string, not ');
  });
});
