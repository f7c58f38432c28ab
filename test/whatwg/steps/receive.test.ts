// The steps of a received message and of the closing handshake.
import { describe, expect } from "vitest";
import type { BinaryType, WebSocket } from "../../../src/whatwg/index.js";
import { binaryFrame, closeFrame, frame, textFrame } from "../../support/wire.js";
import { answerClose, create, listen, next, open, record, step, tagOf, turn } from "./scene.js";

async function closeOf(ws: WebSocket): Promise<unknown> {
  const { code, reason, wasClean } = await next(ws, "close");
  return { code, reason, wasClean };
}

describe("a received message", () => {
  step("receive.text", async () => {
    const { ws, peer } = await open();
    const message = next(ws, "message");
    peer.send(textFrame("日本"));
    const event = await message;
    expect(event.data).toBe("日本");
    expect(event.origin).toBe(new URL(ws.url).origin);
    expect(tagOf(event)).toBe("[object MessageEvent]");
    expect(event).toBeInstanceOf(globalThis.MessageEvent);
    const { lastEventId, source, ports, bubbles, cancelable } = event;
    expect([lastEventId, source, ports, bubbles, cancelable]).toEqual(["", null, [], false, false]);
  });

  step("receive.blob", async () => {
    const { ws, peer } = await open();
    for (const bytes of [Buffer.alloc(0), Buffer.from("ab"), Buffer.alloc(2_000_000, "x")]) {
      const message = next(ws, "message");
      peer.send(binaryFrame(bytes));
      const { data } = await message;
      expect(data).toBeInstanceOf(Blob);
      const blob = data as Blob;
      expect([blob.type, Buffer.from(await blob.arrayBuffer()).equals(bytes)]).toEqual(["", true]);
    }
  });

  step("receive.arraybuffer", async () => {
    const { ws, peer } = await open();
    ws.binaryType = "arraybuffer";
    for (const bytes of [Buffer.alloc(0), Buffer.from("ab"), Buffer.alloc(2_000_000, "x")]) {
      const message = next(ws, "message");
      peer.send(textFrame("t"), binaryFrame(bytes));
      expect((await message).data).toBe("t");
      const { data } = await next(ws, "message");
      expect(data).toBeInstanceOf(ArrayBuffer);
      expect(Buffer.from(data as ArrayBuffer).equals(bytes)).toBe(true);
    }
  });

  step("receive.nodebuffer", async () => {
    const { ws, peer } = await open();
    ws.binaryType = "nodebuffer";
    const message = next(ws, "message");
    peer.send(binaryFrame(Buffer.from("ab")));
    const { data } = await message;
    expect([Buffer.isBuffer(data), String(data)]).toEqual([true, "ab"]);
  });

  step("receive.binary-type-change", async () => {
    const { ws, peer } = await open();
    const types: unknown[] = [];
    const choices: BinaryType[] = ["arraybuffer", "nodebuffer", "blob"];
    ws.onmessage = ({ data }) => {
      types.push((data as object).constructor.name);
      ws.binaryType = choices[types.length - 1] ?? "blob";
    };
    // All messages arrive before the first event.
    peer.send(...["a", "b", "c", "d"].map((text) => binaryFrame(Buffer.from(text))), closeFrame());
    peer.endWithClient();
    await next(ws, "close");
    expect(types).toEqual(["Blob", "ArrayBuffer", "Buffer", "Blob"]);
  });

  step("receive.binary-type-value", async () => {
    const { ws } = await open();
    for (const value of ["", "Blob", "notBlobOrArrayBuffer", null, 5, {}])
      ws.binaryType = value as BinaryType;
    expect(ws.binaryType).toBe("blob");
    ws.binaryType = { toString: () => "arraybuffer" } as unknown as BinaryType;
    expect(ws.binaryType).toBe("arraybuffer");
    expect(() => {
      ws.binaryType = Symbol("blob") as unknown as BinaryType;
    }).toThrow(TypeError);
  });

  step("receive.tasks", async () => {
    const { ws, peer } = await open();
    const log: unknown[] = [];
    ws.onmessage = async ({ data }) => {
      log.push(data);
      for (let count = 0; count < 5; count++) await Promise.resolve();
      log.push(`after ${String(data)}`);
    };
    peer.send(textFrame("a"), textFrame("b"), closeFrame());
    peer.endWithClient();
    await next(ws, "close");
    expect(log).toEqual(["a", "after a", "b", "after b"]);
  });

  step("receive.not-open", async () => {
    const { ws, peer, log } = await open();
    ws.addEventListener("message", () => ws.close());
    peer.send(textFrame("a"), textFrame("b"));
    await peer.untilClose();
    peer.send(textFrame("c"), closeFrame());
    peer.endWithClient();
    await next(ws, "close");
    expect(log).toEqual(["open 1", "message 1", "close 3"]);
  });

  step("receive.with-response", async () => {
    const { ws, peer, log } = await open({}, { followedBy: [textFrame("early"), closeFrame(1001)] });
    peer.endWithClient();
    expect(await closeOf(ws)).toEqual({ code: 1001, reason: "", wasClean: true });
    expect(log).toEqual(["open 1", "message 1", "close 3"]);
  });
});

describe("the end of a connection", () => {
  step("closing.state", async () => {
    const { ws, peer, log } = await open();
    peer.send(textFrame("last"), closeFrame(1000));
    await peer.untilClose();
    while (ws.readyState === 1) await turn();
    expect([ws.readyState, log]).toEqual([2, ["open 1", "message 1"]]);
    peer.end();
    await next(ws, "close");
    expect(ws.readyState).toBe(3);
  });

  step("closing.clean", async () => {
    const { ws, peer, log } = await open();
    peer.send(closeFrame(4321, "enough"));
    peer.endWithClient();
    const event = await next(ws, "close");
    const { code, reason, wasClean, bubbles, cancelable } = event;
    expect({ code, reason, wasClean }).toEqual({ code: 4321, reason: "enough", wasClean: true });
    expect([bubbles, cancelable, tagOf(event)]).toEqual([false, false, "[object CloseEvent]"]);
    await turn();
    expect(log).toEqual(["open 1", "close 3"]);
  });

  step("closing.no-code", async () => {
    const { ws, peer } = await open();
    peer.send(closeFrame());
    peer.endWithClient();
    expect(await closeOf(ws)).toEqual({ code: 1005, reason: "", wasClean: true });
  });

  step("closing.reason", async () => {
    const token = "token=bb8f2d1c9a7e4f60a1b2c3d4e5f60718";
    const { ws, peer } = await open();
    peer.send(closeFrame(4000, `\uFEFF${token}`));
    peer.endWithClient();
    expect(await closeOf(ws)).toEqual({ code: 4000, reason: `\uFEFF${token}`, wasClean: true });
    const own = await open();
    own.ws.close(4001, "ours");
    await own.peer.untilClose();
    own.peer.send(closeFrame(4002));
    own.peer.endWithClient();
    expect(await closeOf(own.ws)).toEqual({ code: 4002, reason: "", wasClean: true });
  });

  step("closing.lost", async () => {
    for (const lose of ["end", "reset"] as const) {
      const { ws, peer, log } = await open();
      peer.send(textFrame("last"));
      await next(ws, "message");
      peer[lose]();
      expect(await closeOf(ws)).toEqual({ code: 1006, reason: "", wasClean: false });
      expect(log).toEqual(["open 1", "message 1", "error 3", "close 3"]);
    }
  });

  step("closing.unanswered", async () => {
    const { ws, peer, log } = await open();
    ws.close(1000, "ours");
    await peer.untilClose();
    peer.end();
    expect(await closeOf(ws)).toEqual({ code: 1006, reason: "", wasClean: false });
    expect(log).toEqual(["open 1", "close 3"]);
  });

  step("closing.failed", async () => {
    const { ws, peer, log } = await open();
    let error: unknown;
    ws.onerror = (event) => {
      error = event;
    };
    peer.send(textFrame("a"), frame({ opcode: 3, payload: Buffer.from("LOL") }), closeFrame(1000));
    peer.endWithClient();
    expect(await closeOf(ws)).toEqual({ code: 1006, reason: "", wasClean: false });
    expect(log).toEqual(["open 1", "message 1", "error 3", "close 3"]);
    expect((error as Event).constructor).toBe(Event);
    const { message } = error as { readonly message: string };
    expect(message).toMatch(/opcode/);
  });

  step("closing.failed-reply", async () => {
    const violation = frame({ opcode: 3, payload: Buffer.from("LOL") });
    for (const isWithResponse of [true, false]) {
      const server = await listen();
      const ws = create(server.url);
      const log = record(ws);
      ws.onmessage = ({ data }) => ws.send(`echo ${String(data)}`);
      const peer = await server.client();
      const frames = [textFrame("a"), textFrame("b"), violation];
      await peer.accept({ followedBy: isWithResponse ? frames : [] });
      if (!isWithResponse) {
        await next(ws, "open");
        peer.send(...frames);
      }
      expect([await peer.text(), await peer.text()]).toEqual(["echo a", "echo b"]);
      expect((await peer.untilClose()).code).toBe(1002);
      peer.endWithClient();
      await next(ws, "close");
      expect(log).toEqual(["open 1", "message 1", "message 1", "error 3", "close 3"]);
    }
  });

  step("closing.tasks", async () => {
    const { ws, peer } = await open();
    const log: string[] = [];
    ws.onerror = async () => {
      log.push("error");
      await Promise.resolve();
      log.push("reaction");
    };
    ws.onclose = () => log.push("close");
    peer.reset();
    await next(ws, "close");
    expect(log).toEqual(["error", "reaction", "close"]);
  });

  step("closing.secrets", async () => {
    const { ws, peer } = await open({ headers: { Authorization: "Bearer hunter2hunter2" } });
    const events: unknown[] = [];
    ws.onerror = (event) => events.push(event);
    ws.onclose = (event) => events.push(event);
    peer.reset();
    await next(ws, "close");
    const shown = events.map((event) => {
      const { message, error } = event as { readonly message?: string; readonly error?: Error };
      return [message, error?.stack, JSON.stringify(error)].join();
    });
    expect(shown.join()).toContain("was lost");
    expect(shown.join()).not.toContain("hunter2");
  });

  step("closing.peer-then-send", async () => {
    const { ws, peer } = await open();
    ws.send("a");
    ws.close();
    ws.send("b");
    expect(await peer.text()).toBe("a");
    await answerClose(peer);
    await next(ws, "close");
    expect(peer.waitingFrames).toEqual([]);
  });
});
