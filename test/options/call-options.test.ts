import { describe, expect, it } from "vitest";
import { readCallOptions } from "../../src/options/call-options.js";
import { WebSocket } from "../../src/index.js";

const all = ["signal", "timeout", "compress", "binary", "payload", "match"];

const none = Object.fromEntries([...all, "borrowed"].map((name) => [name, undefined]));

describe("readCallOptions", () => {
  it("returns undefined if no options are given", () => {
    expect(readCallOptions(undefined, all)).toBeUndefined();
  });

  it.each([
    {},
    { signal: undefined, timeout: undefined },
    { timeout: 0 },
    { timeout: 5, signal: AbortSignal.abort() },
    { match: () => true },
    { compress: true, binary: false, payload: "checked by the call" },
  ])("returns a copy of valid options: %o", (options: object) => {
    const copy = readCallOptions(options, all);
    expect(copy).toStrictEqual({ ...none, ...options });
    expect(copy).not.toBe(options);
  });

  it.each([
    [5, /must be an object, not 5/],
    [null, /must be an object, not null/],
    [{ timout: 5 }, /Unknown option "timout"/],
    [{ timeout: Number.NaN }, /"timeout" .* not NaN/],
    [{ timeout: -1 }, /"timeout" .* not -1/],
    [{ timeout: "5" }, /"timeout" .* not "5"/],
    [{ signal: {} }, /"signal" .* not an object/],
    [{ compress: 5 }, /"compress" .* not 5/],
    [{ match: true }, /"match" .* a function, not true/],
    [{ binary: "x" }, /"binary" .* not "x"/],
  ])("throws a TypeError that names the wrong option: %o", (options, message) => {
    const read = (): unknown => readCallOptions(options as never, all);
    expect(read).toThrow(TypeError);
    expect(read).toThrow(message);
  });

  it("accepts only the options of the call", () => {
    expect(() => readCallOptions({ compress: true }, ["timeout"])).toThrow(/Known options: timeout/);
  });

  it("ignores inherited options", () => {
    const inherited: object = Object.create({ timeout: 0, signal: AbortSignal.abort() }) as object;
    const options = Object.assign(inherited, { compress: true });
    expect(readCallOptions(options, all)).toStrictEqual({ ...none, compress: true });
  });

  it("reads each option once", () => {
    let count = 0;
    const options = readCallOptions({ get timeout() { return ++count; } }, all); // prettier-ignore
    expect([options?.timeout, options?.timeout, count]).toEqual([1, 1, 1]);
  });
});

describe("a call with a wrong option", () => {
  const wrong = { timeout: "soon" } as never;

  it.each([
    ["connect", (ws: WebSocket) => ws.connect(wrong)],
    ["run", (ws: WebSocket) => ws.run(wrong)],
    ["send", (ws: WebSocket) => ws.send("x", wrong)],
    ["sendRaw", (ws: WebSocket) => ws.sendRaw("x", wrong)],
    ["flush", (ws: WebSocket) => ws.flush(wrong)],
    ["ping", (ws: WebSocket) => ws.ping(wrong)],
    ["recv", (ws: WebSocket) => ws.recv(wrong)],
    ["close", (ws: WebSocket) => ws.close(1000, "", wrong)],
    ["reconnect", (ws: WebSocket) => ws.reconnect(wrong)],
    ["rotate", (ws: WebSocket) => ws.rotate("", wrong)],
  ])("rejects and has no effect: %s", async (_name, call) => {
    const ws = new WebSocket("ws://feed.test/");
    await expect(call(ws)).rejects.toThrow(TypeError);
    expect(ws.state).toBe("idle");
  });

  it("throws if the call returns no promise: trySend", () => {
    expect(() => new WebSocket("ws://feed.test/").trySend("x", wrong)).toThrow(TypeError);
  });
});

/** All public methods that return a promise and accept options. */
const calls: readonly (readonly [name: string, call: (ws: WebSocket, options: never) => Promise<unknown>])[] =
  [
    ["connect", (ws, options) => ws.connect(options)],
    ["run", (ws, options) => ws.run(options)],
    ["send", (ws, options) => ws.send("x", options)],
    ["sendRaw", (ws, options) => ws.sendRaw("x", options)],
    ["flush", (ws, options) => ws.flush(options)],
    ["ping", (ws, options) => ws.ping(options)],
    ["recv", (ws, options) => ws.recv(options)],
    ["close", (ws, options) => ws.close(1000, "", options)],
    ["reconnect", (ws, options) => ws.reconnect(options)],
    ["rotate", (ws, options) => ws.rotate("", options)],
  ];

describe("a call whose options throw", () => {
  const failure = new Error("mine");
  const fail = (): never => {
    throw failure;
  };

  it.each(calls)("rejects with the error: %s", async (_name, call) => {
    const throwing = [
      { get timeout(): number { return fail(); } }, // prettier-ignore
      new Proxy({}, { ownKeys: fail }),
      new Proxy({ timeout: 5 }, { get: fail }),
      new Proxy({ timeout: 5 }, { getOwnPropertyDescriptor: fail }),
    ];
    for (const options of throwing) {
      const ws = new WebSocket("ws://feed.test/");
      await expect(call(ws, options as never)).rejects.toBe(failure);
      expect(ws.state).toBe("idle");
    }
  });

  it.each(calls)("does not throw if only other traps throw: %s", async (_name, call) => {
    const ws = new WebSocket("ws://feed.test/");
    const promise = call(ws, new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail }) as never);
    ws.terminate();
    await promise.catch(() => undefined);
    expect(promise).toBeInstanceOf(Promise);
  });
});
