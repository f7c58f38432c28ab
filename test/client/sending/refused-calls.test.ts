import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InvalidStateError, JetSocketError, WebSocket } from "../../../src/index.js";
import { VirtualScene } from "../../support/virtual-scene.js";
import { recordWarnings } from "../../support/warnings.js";

let scene: VirtualScene;
let warnings: unknown[][];

beforeEach(() => {
  scene = new VirtualScene();
  warnings = recordWarnings();
});

afterEach(() => scene.finish());

function createClient(): WebSocket {
  return new WebSocket("ws://feed.test/", { runtime: scene.counting.runtime });
}

type Call = (ws: WebSocket) => Promise<unknown>;

const calls: readonly (readonly [string, Call])[] = [
  ["send() before connect()", (ws) => ws.send("x")],
  ["send() of a value without a JSON form", (ws) => ws.send(undefined)],
  ["send() with a callback", (ws) => ws.send("x", (() => undefined) as never)],
  ["sendRaw()", (ws) => ws.sendRaw("x")],
  ["ping()", (ws) => ws.ping()],
  ["pong()", (ws) => ws.pong()],
];

describe("a refused call whose promise is not handled", () => {
  it.each(calls)("causes one process warning: %s", async (_what, call) => {
    const ws = createClient();
    for (let count = 0; count < 200; count++) void call(ws);
    await scene.pass();
    void call(ws);
    await scene.pass();
    expect(warnings).toHaveLength(1);
    const [warning] = warnings[0] as [JetSocketError & { detail?: string }];
    expect(warning).toBeInstanceOf(JetSocketError);
    expect(warning.message).toMatch(
      /^A call was refused, and its promise is not handled: .* listen to the event "error"/,
    );
    expect(warning.detail).toBe((warning.cause as Error).stack);
    expect(warning.detail).toContain("refused-calls.test.ts");
  });

  it("causes a warning if the listener for `error` is added after the call", async () => {
    const ws = createClient();
    void ws.send("x");
    ws.on("error", () => undefined);
    await scene.pass();
    expect(warnings).toHaveLength(1);
  });

  it("causes a warning after other calls that were handled", async () => {
    const ws = createClient();
    for (let count = 0; count < 5; count++) await expect(ws.send("x")).rejects.toThrow(InvalidStateError);
    await scene.pass();
    expect(warnings).toEqual([]);
    void ws.send("x");
    await scene.pass();
    expect(warnings).toHaveLength(1);
  });
});

describe("a refused call causes no warning", () => {
  it.each([
    ["await", async (promise: Promise<unknown>): Promise<unknown> => await promise],
    ["catch()", (promise: Promise<unknown>) => promise.catch(() => undefined)],
    ["then()", (promise: Promise<unknown>) => promise.then(undefined, () => undefined)],
    ["Promise.all()", (promise: Promise<unknown>) => Promise.all([promise])],
    ["Promise.allSettled()", (promise: Promise<unknown>) => Promise.allSettled([promise])],
  ] as const)("if its promise is handled with %s", async (_how, handle) => {
    for (const [, call] of calls) await Promise.resolve(handle(call(createClient()))).catch(() => undefined);
    await scene.pass();
    expect(warnings).toEqual([]);
  });

  it("if `error` has a listener", async () => {
    const ws = createClient();
    ws.on("error", () => undefined);
    void ws.send("x");
    await scene.pass();
    expect(warnings).toEqual([]);
  });

  it("if a `once` listener received the `error`", async () => {
    const ws = createClient();
    ws.once("error", () => undefined);
    void ws.send("x");
    await scene.pass();
    expect(warnings).toEqual([]);
  });

  it("if its caller aborted it", async () => {
    const ws = new WebSocket("ws://feed.test/", { runtime: scene.counting.runtime, outbox: 1 });
    void ws.send("x", { signal: AbortSignal.abort() });
    await scene.pass();
    expect(warnings).toEqual([]);
  });

  it("and returns a promise that behaves as usual", async () => {
    const promise = createClient().send("x");
    expect(promise).toBeInstanceOf(Promise);
    expect(promise.catch(() => undefined).constructor).toBe(Promise);
    await expect(promise).rejects.toThrow("Call connect() first");
  });
});
