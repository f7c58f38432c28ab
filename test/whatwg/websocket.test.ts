import { once } from "node:events";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { WebSocket } from "../../src/whatwg/index.js";
import { textFrame } from "../support/wire.js";
import { open } from "./steps/scene.js";

describe("a WebSocket", () => {
  it("shows no secrets when it is printed", async () => {
    const url = "ws://user:hunter2@127.0.0.1:9/?token=hunter2";
    const ws = new WebSocket(url, [], { headers: { Authorization: "Bearer hunter2" } });
    expect(inspect(ws, { depth: 10, showHidden: true })).not.toContain("hunter2");
    expect(JSON.stringify(ws)).not.toContain("hunter2");
    const [event] = (await once(ws, "close")) as [Event];
    expect(inspect(event, { depth: 10, showHidden: true })).not.toContain("hunter2");
  });

  it("accepts listeners with the options once and signal, and objects", async () => {
    const { ws, peer } = await open();
    const log: unknown[] = [];
    const abort = new AbortController();
    ws.addEventListener("message", ({ data }) => log.push(`once ${String(data)}`), { once: true });
    ws.addEventListener("message", () => abort.abort(), { signal: abort.signal });
    ws.addEventListener("message", {
      handleEvent: (event: Event): void => void log.push((event as MessageEvent).data),
    });
    peer.send(textFrame("a"), textFrame("b"));
    while (log.length < 3) await once(ws, "message");
    expect(log).toEqual(["once a", "a", "b"]);
  });

  it("can be extended", async () => {
    class Named extends WebSocket {
      readonly title = "feed";
    }
    const ws = new Named("ws://127.0.0.1:9/");
    expect([ws.title, ws.readyState, Named.OPEN, ws instanceof WebSocket]).toEqual(["feed", 0, 1, true]);
    await once(ws, "close");
    expect(ws.readyState).toBe(Named.CLOSED);
  });

  it.each([
    ["before it is open", (ws: WebSocket): void => ws.close()],
    ["in error", (ws: WebSocket): void => void (ws.onerror = (): void => ws.close())],
    ["in close", (ws: WebSocket): void => void (ws.onclose = (): void => ws.close(4000))],
  ])("may be closed and used %s", async (_, use) => {
    const ws = new WebSocket("ws://127.0.0.1:9/");
    use(ws);
    ws.addEventListener("close", () => ws.send("late"));
    const log: string[] = [];
    for (const type of ["open", "error", "close"]) ws.addEventListener(type, () => log.push(type));
    await once(ws, "close");
    expect([log, ws.readyState, ws.bufferedAmount]).toEqual([["error", "close"], 3, 4]);
  });
});
