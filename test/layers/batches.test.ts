import { describe, expect, it } from "vitest";
import { CloseError, InvalidStateError } from "../../src/index.js";
import type { Message, RecordedClient } from "../support/scene.js";
import { deflated, fragments, opcodes, pingFrame, textFrame } from "../support/wire.js";
import { LayerScene, numbered, range, sequence } from "./layer-scene.js";

type Client = RecordedClient["ws"];

function texts(...ids: readonly number[]): Buffer[] {
  return ids.map((id) => textFrame(String(id)));
}

/** Reads batches until the end. Returns the batches, and the error or "ended". */
function loop(ws: Client): { readonly batches: string[][]; readonly ended: Promise<unknown> } {
  const batches: string[][] = [];
  const read = async (): Promise<string> => {
    for await (const batch of ws.batches()) batches.push(batch.map(String));
    return "ended";
  };
  return { batches, ended: read().catch((error: unknown) => error) };
}

const idsOf = (batches: readonly string[][]): number[] => batches.flat().map(Number);

describe("batches()", () => {
  it("returns the messages of one read in one array, and waits for the next", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const { batches } = loop(ws);
    await scene.pass();
    expect(batches).toEqual([]);
    link.send(...texts(1, 2), pingFrame("p"), ...fragments(opcodes.text, ["", "3"]));
    await scene.pass();
    link.send(...texts(4));
    await scene.pass();
    expect(batches).toEqual([["1", "2", "3"], ["4"]]);
    expect(ws.stats().messagesWaiting).toBe(0);
    await scene.finish();
  });

  it("returns the waiting messages first, in one array, then new ones", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.send(...texts(1, 2));
    await scene.pass();
    link.send(...texts(3));
    await scene.pass();
    const { batches } = loop(ws);
    await scene.pass();
    link.send(...texts(4, 5));
    await scene.pass();
    expect(batches).toEqual([
      ["1", "2", "3"],
      ["4", "5"],
    ]);
    await scene.finish();
  });

  it("puts a message that spans two reads into the array of its last byte", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const { batches } = loop(ws);
    const [first, second, third] = texts(1, 2222, 3);
    link.send(first!, second!.subarray(0, 3));
    await scene.pass();
    link.send(second!.subarray(3), third!);
    await scene.pass();
    expect(batches).toEqual([["1"], ["2222", "3"]]);
    await scene.finish();
  });

  it("is left by break: the rest waits, and the next loop or recv() continues", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const left: string[][] = [];
    const first = (async () => {
      for await (const batch of ws.batches()) {
        left.push(batch.map(String));
        break;
      }
    })();
    await scene.pass();
    link.send(...texts(1, 2));
    await scene.pass();
    await first;
    link.send(...texts(3, 4, 5));
    await scene.pass();
    expect([left, ws.stats().messagesWaiting]).toEqual([[["1", "2"]], 3]);
    expect(await ws.recv()).toBe("3");
    const { batches } = loop(ws);
    await scene.pass();
    expect(batches).toEqual([["4", "5"]]);
    await scene.finish();
  });

  it("ends with the client, after the waiting messages", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.send(...texts(1));
    await scene.pass();
    void ws.close();
    await scene.pass();
    link.send(...texts(2, 3));
    await scene.answerClose(link);
    const { batches, ended } = loop(ws);
    expect(await ended).toBe("ended");
    expect(batches).toEqual([["1", "2", "3"]]);
    await scene.finish();
  });

  it("rejects with the error of the connection, after the received messages", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ reconnect: false });
    const { batches, ended } = loop(ws);
    await scene.pass();
    link.send(...texts(1, 2));
    await scene.pass();
    await scene.cut(link);
    expect(await ended).toMatchObject({ report: { initiatedBy: "network" } });
    expect(batches).toEqual([["1", "2"]]);
    await expect(ws.recv()).rejects.toBeInstanceOf(Error);
    await scene.finish();
  });

  it("continues across a reconnect", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const { batches } = loop(ws);
    link.send(...texts(1, 2));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(...texts(3, 4));
    await scene.pass();
    expect(batches).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
    await scene.finish();
  });

  it("allows one loop at a time, of either kind", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const batches = ws.batches();
    for (const second of [ws.batches(), ws[Symbol.asyncIterator]()])
      await expect(second.next()).rejects.toBeInstanceOf(InvalidStateError);
    await batches.return!();
    const messages = ws[Symbol.asyncIterator]();
    await expect(ws.batches().next()).rejects.toBeInstanceOf(InvalidStateError);
    link.send(...texts(1));
    await scene.pass();
    expect(await messages.next()).toEqual({ value: "1", done: false });
    await messages.return!();
    await scene.finish();
  });

  it("limits one array to buffer.maxBytes: the rest of the read waits", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ buffer: { maxBytes: 10 } });
    const { batches } = loop(ws);
    await scene.pass();
    link.send(...range(1, 8).map((id) => textFrame(String(id).repeat(4))));
    await scene.pass(100);
    expect(batches.flat()).toEqual(range(1, 8).map((id) => String(id).repeat(4)));
    expect(batches.length).toBeGreaterThan(2);
    // The limit, exceeded by at most one message.
    for (const batch of batches) expect(batch.join("").length).toBeLessThanOrEqual(14);
    await scene.finish();
  });

  it("and handlers both receive each message", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const handled: string[] = [];
    ws.on("message", ({ data }) => void handled.push(`value ${String(data)}`));
    ws.on("rawMessage", ({ data }) => void handled.push(`raw ${String(data)}`));
    const { batches } = loop(ws);
    await scene.pass();
    link.send(...texts(1, 2));
    await scene.pass();
    expect(handled).toEqual(["raw 1", "value 1", "raw 2", "value 2"]);
    expect(batches).toEqual([["1", "2"]]);
    await scene.finish();
  });

  it("and recv() share the messages in the order of the calls", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const iterator = ws.batches();
    const results = [ws.recv(), iterator.next(), ws.recv(), iterator.next()] as const;
    link.send(...texts(1, 2, 3, 4, 5));
    await scene.pass();
    const [first, second, third, fourth] = await Promise.all(results);
    expect([first, second.value, third, fourth.value]).toEqual(["1", ["2"], "3", ["4", "5"]]);
    await iterator.return!();
    await scene.finish();
  });

  it("returns compressed messages of one read in one array", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ reconnect: true });
    const link = await scene.dial(client);
    link.answer({ fields: ["Sec-WebSocket-Extensions: permessage-deflate"] });
    await scene.pass();
    const { batches } = loop(client.ws);
    await scene.pass();
    link.send(...["one", "two"].map((text) => textFrame(deflated(text), { rsv1: true })), textFrame("three"));
    await scene.pass();
    expect(batches).toEqual([["one", "two", "three"]]);
    await scene.finish();
  });

  it("pauses the socket when the loop is slow, and continues without loss and in order", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ buffer: 4 });
    const batches: Message[][] = [];
    const read = (async () => {
      for await (const batch of ws.batches()) {
        batches.push([...batch]);
        await new Promise<void>((resolve) => scene.clock.setTimer(100, () => resolve()));
      }
    })();
    read.catch(() => undefined);
    await scene.pass();
    for (let at = 1; at <= 60; at += 3) {
      link.send(...texts(at, at + 1, at + 2));
      await scene.pass(10);
    }
    expect(client.all("paused").length).toBeGreaterThan(0);
    await scene.pass(5_000);
    expect(client.all("resumed").length).toBe(client.all("paused").length);
    expect(batches.flat().map(Number)).toEqual(range(1, 60));
    expect(client.all("dropped")).toEqual([]);
    await scene.finish();
  });

  it("skips messages that cannot be decoded, and returns no empty array", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      deserializer: (data) => {
        if (data === "bad") throw new RangeError("cannot be read");
        return data;
      },
    });
    const { batches } = loop(ws);
    await scene.pass();
    link.send(textFrame("bad"), ...texts(1), textFrame("bad"), ...texts(2));
    await scene.pass();
    link.send(textFrame("bad"));
    await scene.pass();
    link.send(...texts(3));
    await scene.pass();
    expect(batches).toEqual([["1", "2"], ["3"]]);
    expect(client.all("dropped").length).toBe(3);
    await scene.finish();
  });

  it("returns replayed messages in sequence and without duplicates", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ replay: { sequence } });
    const { batches } = loop(ws);
    await scene.pass();
    link.send(...numbered(1, 3), ...numbered(2, 4));
    await scene.pass();
    expect(batches).toEqual([range(1, 4).map((id) => `default:${id}`)]);
    await scene.finish();
  });

  it("ends at once after terminate()", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const { batches, ended } = loop(ws);
    await scene.pass();
    link.send(...texts(1));
    await scene.pass();
    ws.terminate();
    await scene.pass();
    expect(await ended).toBe("ended");
    expect(idsOf(batches)).toEqual([1]);
    await expect(ws.recv()).rejects.toBeInstanceOf(CloseError);
    await scene.finish();
  });
});
