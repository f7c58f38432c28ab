// The steps of `send()` and of `bufferedAmount`.
import { describe, expect } from "vitest";
import { WebSocket } from "../../../src/whatwg/index.js";
import { closeFrame, opcodes } from "../../support/wire.js";
import { answerClose, create, listen, nameOfError, next, open, step, turn } from "./scene.js";

type Data = Parameters<WebSocket["send"]>[0];

describe("send()", () => {
  step("send.arguments", async () => {
    const { ws } = await open();
    expect(nameOfError(() => Reflect.apply(ws.send, ws, []))).toBe("TypeError");
    expect(nameOfError(() => ws.send(Symbol("data") as unknown as Data))).toBe("TypeError");
    expect(WebSocket.prototype.send).toHaveLength(1);
  });

  step("send.connecting", async () => {
    const server = await listen();
    const ws = create(server.url);
    expect(nameOfError(() => ws.send("early"))).toBe("DOMException InvalidStateError");
    // The argument is converted first.
    expect(nameOfError(() => ws.send(Symbol("data") as unknown as Data))).toBe("TypeError");
    expect(ws.bufferedAmount).toBe(0);
  });

  step("send.text", async () => {
    const { ws, peer } = await open({ compress: false });
    ws.send("日本 \u{1F600} a\uDC00xb\uD800xc\uDC00\uD800x");
    expect(await peer.text()).toBe("日本 \u{1F600} a\uFFFDxb\uFFFDxc\uFFFD\uFFFDx");
    ws.send("");
    expect(await peer.text()).toBe("");
  });

  step("send.other-values", async () => {
    const { ws, peer } = await open();
    const values = [null, undefined, 5, true, {}, ["a", 1], 10n, new SharedArrayBuffer(3)];
    for (const value of values) Reflect.apply(ws.send, ws, [value]);
    const expected = ["null", "undefined", "5", "true", "[object Object]", "a,1", "10"];
    for (const text of [...expected, "[object SharedArrayBuffer]"]) expect(await peer.text()).toBe(text);
  });

  step("send.array-buffer", async () => {
    const { ws, peer } = await open();
    const bytes = new Uint8Array([1, 2, 3]);
    ws.send(bytes.buffer);
    bytes.fill(9);
    const { opcode, payload } = await peer.frame();
    expect([opcode, ...payload]).toEqual([opcodes.binary, 1, 2, 3]);
    ws.send(new ArrayBuffer(0));
    expect((await peer.frame()).payload).toHaveLength(0);
  });

  step("send.views", async () => {
    const { ws, peer } = await open();
    const { buffer } = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);
    const views = [new Uint8Array(buffer, 2, 3), new DataView(buffer, 1, 2), new Int16Array(buffer, 4, 2)];
    for (const view of [...views, Buffer.from("abc")]) ws.send(view);
    const sent = [];
    for (let count = 0; count < 4; count++) sent.push([...(await peer.frame()).payload]);
    expect(sent).toEqual([
      [2, 3, 4],
      [1, 2],
      [4, 5, 6, 7],
      [97, 98, 99],
    ]);
  });

  step("send.shared-memory", async () => {
    const { ws } = await open();
    expect(nameOfError(() => ws.send(new Uint8Array(new SharedArrayBuffer(2))))).toBe("TypeError");
    const resizable = Reflect.construct(ArrayBuffer, [2, { maxByteLength: 4 }]) as ArrayBuffer;
    expect(nameOfError(() => ws.send(resizable))).toBe("TypeError");
    expect(nameOfError(() => ws.send(new Uint8Array(resizable)))).toBe("TypeError");
    expect(ws.bufferedAmount).toBe(0);
  });

  step("send.detached", async () => {
    const { ws, peer } = await open();
    const view = new Uint8Array(4);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    ws.send(view);
    ws.send(view.buffer);
    expect(ws.bufferedAmount).toBe(0);
    expect((await peer.frame()).payload).toHaveLength(0);
    expect((await peer.frame()).payload).toHaveLength(0);
  });

  step("send.blob", async () => {
    const { ws, peer } = await open({ compress: false });
    ws.send("before");
    ws.send(new Blob(["x".repeat(3_000_000)]));
    ws.send("after");
    expect(ws.bufferedAmount).toBe(3_000_011);
    expect(await peer.text()).toBe("before");
    const { opcode, payload } = await peer.frame();
    expect([opcode, payload.length]).toEqual([opcodes.binary, 3_000_000]);
    expect(await peer.text()).toBe("after");
  });

  step("send.closing", async () => {
    const { ws, peer } = await open();
    ws.close();
    ws.send("é");
    ws.send(new Uint8Array(3));
    ws.send(new Blob(["abcd"]));
    expect(ws.bufferedAmount).toBe(9);
    await answerClose(peer);
    await next(ws, "close");
    ws.send("x");
    expect(ws.bufferedAmount).toBe(10);
    expect(peer.waitingFrames).toEqual([]);
  });

  step("send.full", async () => {
    const { ws, peer, log } = await open({ maxBufferedAmount: 10_000, highWaterMark: 10_000 });
    peer.stopReading();
    ws.send("x".repeat(9_000));
    ws.send("y".repeat(9_000));
    expect(ws.bufferedAmount).toBe(18_000);
    const { code, wasClean } = await next(ws, "close");
    expect({ code, wasClean }).toEqual({ code: 1006, wasClean: false });
    expect(log).toEqual(["open 1", "error 3", "close 3"]);
  });

  step("send.buffered", async () => {
    const { ws, peer } = await open();
    ws.send("é".repeat(5_000));
    ws.send(new Uint8Array(7));
    expect(ws.bufferedAmount).toBe(10_007);
    await Promise.resolve();
    expect(ws.bufferedAmount).toBe(10_007);
    await peer.until(() => peer.frameCount === 2);
    await turn();
    expect(ws.bufferedAmount).toBe(0);
  });

  step("send.buffered-lost", async () => {
    const { ws, peer } = await open({ compress: false });
    peer.stopReading();
    const size = 64 * 1024 * 1024;
    ws.send(new Uint8Array(10));
    await turn();
    await turn();
    ws.send(new Uint8Array(size));
    ws.send(new Uint8Array(1_000));
    peer.reset();
    await next(ws, "close");
    const { bufferedAmount } = ws;
    expect(bufferedAmount).toBeGreaterThanOrEqual(1_000);
    expect(bufferedAmount).toBeLessThanOrEqual(size + 1_000);
    await turn();
    ws.send("x");
    expect(ws.bufferedAmount).toBe(bufferedAmount + 1);
  });

  step("send.peer-closed", async () => {
    const { ws, peer } = await open();
    peer.send(closeFrame(1000));
    await peer.untilClose();
    while (ws.readyState === 1) await turn();
    ws.send("abc");
    expect([ws.readyState, ws.bufferedAmount]).toEqual([2, 3]);
    peer.end();
    await next(ws, "close");
    expect(ws.bufferedAmount).toBe(3);
  });
});
