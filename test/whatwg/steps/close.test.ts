// The steps of `close()`.
import { describe, expect } from "vitest";
import { nodeRuntime } from "../../../src/index.js";
import type { WebSocket } from "../../../src/whatwg/index.js";
import { closeFrame, textFrame } from "../../support/wire.js";
import { answerClose, create, listen, nameOfError, next, open, record, step, turn } from "./scene.js";

describe("close()", () => {
  step("close.code", async () => {
    const { ws } = await open();
    for (const code of [
      0,
      500,
      999,
      1001,
      2999,
      5000,
      NaN,
      "string",
      null,
      0x10000 + 1000,
      -1,
      Infinity,
      {},
      true,
    ])
      expect(
        nameOfError(() => ws.close(code as number)),
        JSON.stringify(code),
      ).toBe("DOMException InvalidAccessError");
    for (const code of [Symbol("code"), 1000n])
      expect(nameOfError(() => ws.close(code as unknown as number))).toBe("TypeError");
    expect(ws.readyState).toBe(1);
  });

  step("close.code-clamp", async () => {
    for (const [code, sent] of [
      ["3001", 3001],
      [2999.5, 3000],
      [3000.5, 3000],
      [4999.4, 4999],
      [{ valueOf: () => 1000 }, 1000],
    ] as const) {
      const { ws, peer } = await open();
      ws.close(code as number);
      expect((await answerClose(peer)).code).toBe(sent);
    }
  });

  step("close.reason-size", async () => {
    const { ws, peer } = await open();
    for (const reason of ["x".repeat(124), "é".repeat(62), "\uD800".repeat(42)])
      expect(nameOfError(() => ws.close(1000, reason))).toBe("DOMException SyntaxError");
    // The code is checked before the reason.
    expect(nameOfError(() => ws.close(1, "x".repeat(124)))).toBe("DOMException InvalidAccessError");
    expect(ws.readyState).toBe(1);
    ws.close(1000, `${"é".repeat(61)}x`);
    expect((await answerClose(peer)).reason).toHaveLength(62);
  });

  step("close.reason-string", async () => {
    const { ws, peer } = await open();
    ws.close(1000, "a\uD807b\uDC00");
    expect(await answerClose(peer)).toEqual({ code: 1000, reason: "a\uFFFDb\uFFFD" });
    expect((await next(ws, "close")).reason).toBe("a\uFFFDb\uFFFD");
    const other = await open();
    other.ws.close(1000, null as unknown as string);
    expect((await answerClose(other.peer)).reason).toBe("null");
  });

  step("close.closing", async () => {
    const { ws, peer, log } = await open();
    ws.close(3000, "first");
    ws.close(4000, "second");
    expect(ws.readyState).toBe(2);
    expect(await answerClose(peer)).toEqual({ code: 3000, reason: "first" });
    await next(ws, "close");
    ws.close(4000);
    expect(nameOfError(() => ws.close(1))).toBe("DOMException InvalidAccessError");
    await turn();
    expect(ws.readyState).toBe(3);
    expect(log).toEqual(["open 1", "close 3"]);
    expect(peer.waitingFrames).toEqual([]);
  });

  step("close.connecting", async () => {
    const server = await listen();
    const ws = create(server.url);
    const log = record(ws);
    await (await server.client()).request();
    ws.close(1000, "changed my mind");
    expect([ws.readyState, log]).toEqual([2, []]);
    const { code, reason, wasClean } = await next(ws, "close");
    expect({ code, reason, wasClean }).toEqual({ code: 1006, reason: "", wasClean: false });
    expect(log).toEqual(["error 3", "close 3"]);
    const early = await new Promise<WebSocket>((resolve) => {
      setImmediate(() => {
        const created = create(server.url);
        created.close();
        expect(created.readyState).toBe(2);
        resolve(created);
      });
    });
    // The events are fired in a later task, so that no promise reaction misses them.
    const events = record(early);
    for (let depth = 0; depth < 10; depth++) await Promise.resolve();
    expect([early.readyState, events]).toEqual([2, []]);
    expect((await next(early, "close")).code).toBe(1006);
  });

  step("close.before-open-task", async () => {
    const server = await listen();
    let isAccepted = false;
    const defer = (callback: () => void): void =>
      nodeRuntime.defer(() => {
        // The first deferred call after the response is the task for `open`.
        if (isAccepted && ws.readyState === 0) ws.close(4001);
        callback();
      });
    const ws = create(server.url, [], { runtime: { ...nodeRuntime, defer } });
    const log = record(ws);
    const peer = await server.client();
    await peer.accept();
    isAccepted = true;
    expect(await answerClose(peer)).toEqual({ code: 4001, reason: "" });
    expect((await next(ws, "close")).code).toBe(4001);
    expect(log).toEqual(["close 3"]);
  });

  step("close.state", async () => {
    const { ws, peer } = await open();
    ws.close();
    expect(ws.readyState).toBe(2);
    await answerClose(peer);
  });

  step("close.no-body", async () => {
    const { ws, peer } = await open();
    ws.close();
    const { payload } = await peer.frame();
    expect(payload).toHaveLength(0);
    peer.send(closeFrame());
    peer.endWithClient();
    const { code, reason, wasClean } = await next(ws, "close");
    expect({ code, reason, wasClean }).toEqual({ code: 1005, reason: "", wasClean: true });
    const other = await open();
    other.ws.close(undefined, undefined);
    expect((await answerClose(other.peer)).code).toBeUndefined();
  });

  step("close.body", async () => {
    const { ws, peer } = await open();
    ws.close(4999, "bye");
    expect(await answerClose(peer)).toEqual({ code: 4999, reason: "bye" });
    const { code, reason, wasClean } = await next(ws, "close");
    expect({ code, reason, wasClean }).toEqual({ code: 4999, reason: "bye", wasClean: true });
  });

  step("close.reason-only", async () => {
    const { ws, peer } = await open();
    ws.close(undefined, "bye");
    expect(await answerClose(peer)).toEqual({ code: 1000, reason: "bye" });
  });

  step("close.after-messages", async () => {
    const { ws, peer } = await open();
    peer.stopReading();
    const texts = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(10_000, "x"));
    for (const text of texts) ws.send(text);
    ws.send(new Blob(["last"]));
    ws.close(1000);
    peer.goOnReading();
    for (const text of texts) expect(await peer.text()).toBe(text);
    expect((await peer.frame()).payload.toString()).toBe("last");
    expect((await answerClose(peer)).code).toBe(1000);
  });

  step("close.peer-started", async () => {
    const { ws, peer } = await open();
    ws.onmessage = () => ws.close(4000);
    peer.send(textFrame("last"), closeFrame(3001, "theirs"));
    peer.endWithClient();
    expect((await peer.untilClose()).code).toBe(3001);
    const { code, reason, wasClean } = await next(ws, "close");
    expect({ code, reason, wasClean }).toEqual({ code: 3001, reason: "theirs", wasClean: true });
  });
});
