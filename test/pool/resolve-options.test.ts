import { describe, expect, it } from "vitest";
import { nodeRuntime } from "../../src/index.js";
import { createPool } from "../../src/pool/index.js";
import { resolveAcquire, resolveClose, resolveOptions } from "../../src/pool/resolve-options.js";

const url = "ws://pool.test/";
const resolve = (options: object): unknown => resolveOptions(options);

describe("the options of createPool()", () => {
  it("have defaults", () => {
    expect(resolve({ url })).toEqual({
      ...{ endpoints: [url], min: 0, max: 10, idleTimeout: 30_000, maxAge: Infinity, acquireTimeout: 30_000 },
      ...{
        hookTimeout: 5_000,
        validate: undefined,
        reset: undefined,
        signal: undefined,
        runtime: nodeRuntime,
      },
      client: { reconnect: false },
    });
  });

  it("contain the options of the client", () => {
    const { signal } = new AbortController();
    expect(resolve({ url, connectTimeout: 5, signal, reconnect: false })).toMatchObject({
      ...{ signal, client: { connectTimeout: 5, signal, reconnect: false } },
    });
  });

  it("are own properties only", () => {
    const inherited = Object.create({ max: "evil", reset: 5 }) as object;
    expect(resolve(Object.assign(inherited, { url }))).toMatchObject({ max: 10, reset: undefined });
  });

  it.each<[unknown, RegExp]>([
    [undefined, /The options of createPool\(\) must be an object, not undefined/],
    [url, /must be an object, not a string/],
    [[], /must be an object, not an array/],
    [{}, /either the option "url" or the option "endpoints"/],
    [{ url, endpoints: [url] }, /either the option "url" or the option "endpoints"/],
    [{ endpoints: [] }, /"endpoints" must be an array with at least one URL/],
    [{ endpoints: url }, /"endpoints" must be an array with at least one URL, not a string/],
    [{ url: "http ://secret" }, /URL/i],
    [{ endpoints: [url, 5] }, /URL/i],
    [{ url, max: 0 }, /"max" must be a number from 1/],
    [{ url, max: 1.5 }, /"max" must be a whole number, not 1.5/],
    [{ url, max: Number.NaN }, /"max" must be a number from 1/],
    [{ url, max: Infinity }, /"max" must be a number from 1/],
    [{ url, max: "5" }, /"max" must be a number, not a string/],
    [{ url, max: 2, min: 3 }, /"min" must be a number from 0 to 2, not 3/],
    [{ url, min: -1 }, /"min"/],
    [{ url, idleTimeout: 0 }, /"idleTimeout"/],
    [{ url, maxAge: null }, /"maxAge" must be a number, not null/],
    [{ url, acquireTimeout: {} }, /"acquireTimeout" must be a number, not an object/],
    [{ url, hookTimeout: -5 }, /"hookTimeout"/],
    [{ url, validate: true }, /"validate" must be a function, not true/],
    [{ url, reset: "RESET" }, /"reset" must be a function, not a string/],
    [{ url, reconnect: true }, /A pool does not accept the option "reconnect"\. Remove it/],
    [{ url, backoff: {} }, /A pool does not accept the option "backoff"/],
    [{ url, maxConnectionAge: 5 }, /"maxConnectionAge"\. Use maxAge/],
    [
      { url, minConnections: 5 },
      /Unknown option "minConnections".* A pool also has: url, endpoints, min, max/,
    ],
    [{ url, minConnections: 5 }, /It does not accept: reconnect, /],
    [{ url, outbox: 5 }, /"outbox"/],
    [{ url, replay: { sequence: () => 1 } }, /"replay"/],
    [{ url, maxConnections: 5 }, /Unknown option "maxConnections"/],
    [{ url, connectTimeout: "5" }, /"connectTimeout" must be a number/],
    [{ url, signal: {} }, /"signal" must be an AbortSignal/],
    [{ url, runtime: 5 }, /"runtime"/],
  ])("%j is an error that names the option", (options, message) => {
    expect(() => createPool(options as never)).toThrow(message);
  });
});

describe("the options of calls", () => {
  it("have defaults", () => {
    expect([
      resolveAcquire(undefined, 7),
      resolveAcquire({ timeout: 5 }, 7),
      resolveClose(undefined),
    ]).toEqual([...[{ signal: undefined, timeout: 7 }, { signal: undefined, timeout: 5 }, 30_000]]);
  });

  it("may be a time without limit", () => {
    expect([resolveAcquire({ timeout: Infinity }, 7).timeout, resolveClose({ timeout: Infinity })]).toEqual([
      ...[Infinity, Infinity],
    ]);
  });
});
