import { describe, expect, it } from "vitest";
import { findWrongOption, ownCallOptions } from "../../src/options/call-options.js";
import { WebSocket } from "../../src/index.js";

const all = ["signal", "timeout", "compress", "binary", "payload", "match"];

describe("findWrongOption", () => {
  it.each([
    undefined,
    {},
    { signal: undefined, timeout: undefined },
    { timeout: 0 },
    { timeout: 5, signal: AbortSignal.abort() },
    { match: () => true },
    { compress: true, binary: false, payload: "checked by the call" },
  ])("returns undefined for valid options: %o", (options) => {
    expect(findWrongOption(options, all)).toBeUndefined();
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
  ])("returns a TypeError that names the wrong option: %o", (options, message) => {
    const error = findWrongOption(options, all);
    expect(error).toBeInstanceOf(TypeError);
    expect(error?.message).toMatch(message);
  });

  it("accepts only the options of the call", () => {
    expect(findWrongOption({ compress: true }, ["timeout"])?.message).toMatch(/Known options: timeout/);
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

describe("ownCallOptions", () => {
  it.each([undefined, {}, { timeout: 5 }])("returns %o unchanged", (options) => {
    expect(ownCallOptions(options, all)).toBe(options);
  });

  it("removes inherited options", () => {
    const options = Object.assign(Object.create({ timeout: 0, signal: AbortSignal.abort() }) as object, {
      compress: true,
    });
    expect({ ...ownCallOptions(options, all) }).toEqual({ compress: true });
    expect("timeout" in ownCallOptions(options, all)!).toBe(false);
  });

  it("returns the same object if it inherits only names that the call does not accept", () => {
    const options = Object.create({ timeout: 0 }) as object;
    expect(ownCallOptions(options, ["signal"])).toBe(options);
  });
});
