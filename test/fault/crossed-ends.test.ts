// Ends of a connection that coincide with other events, such as a pause, a Blob being read or a running listener.
import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, ConnectionError, ProtocolError } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { type Message, Scene } from "../support/scene.js";
import { closeFrame, frame, opcodes, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
const texts = (from: number, to: number): Buffer[] => numbers(from, to).map((text) => textFrame(text));

const big = Buffer.alloc(16 * 1024 * 1024);

describe("a peer that does not read", () => {
  it("and violates the protocol: the connection fails after closeTimeout", async () => {
    const { client, ws, peer } = await scene.open({ closeTimeout: 2_000 });
    peer.stopReading();
    const sending = ws.sendRaw(big).catch((error: unknown) => error);
    const size = scene.readSize;
    peer.send(textFrame("before"), frame({ opcode: 3 }));
    await scene.untilRead(size + textFrame("before").length + 2);
    expect(ws.state).toBe("disconnecting");
    scene.clock.advance(2_000);
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "protocol-error", codeSent: undefined, messagesUncertain: 1 });
    expect(client.fatalError).toBeInstanceOf(ProtocolError);
    expect(await sending).toBe(client.fatalError);
    expect(await ws.recv()).toBe("before");
    peer.goOnReading();
    peer.endWithClient();
  });

  it("and closes: messages above the high-water mark are reported as unsent one by one", async () => {
    const { client, ws, peer } = await scene.open({ highWaterMark: 1_000, closeTimeout: 2_000 });
    peer.stopReading();
    const sends = [ws.sendRaw(big), ws.sendRaw("a"), ws.sendRaw(new MemoryBlob("b")), ws.sendRaw("c")];
    const settled = Promise.allSettled(sends);
    peer.send(closeFrame(1000, "enough"));
    await client.event("closing");
    peer.goOnReading();
    expect((await peer.frame()).payload.length).toBe(big.length);
    expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
    peer.end();
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "normal", messagesUnsent: 3, wasClean: true });
    expect(client.all("dropped").map(({ cause }) => cause)).toEqual(["unsent", "unsent", "unsent"]);
    const [first, ...others] = await settled;
    expect(first?.status).toBe("fulfilled");
    for (const other of others) expect(other).toMatchObject({ status: "rejected", reason: { report } });
  });
});

describe("a Blob that is being read when the connection ends", () => {
  class SlowBlob extends Blob {
    finish: ((content: ArrayBuffer) => void) | undefined;
    fail: ((error: Error) => void) | undefined;
    override arrayBuffer(): Promise<ArrayBuffer> {
      return new Promise((resolve, reject) => {
        this.finish = resolve;
        this.fail = reject;
      });
    }
  }

  it.each(["finish", "fail"] as const)(
    "emits no event after `closed` when the read settles by %s",
    async (how) => {
      const { client, ws, peer } = await scene.open({ highWaterMark: 1 });
      const blob = new SlowBlob(["x"]);
      const sending = ws.sendRaw(blob).catch((error: unknown) => error);
      peer.reset();
      await client.event("closed");
      expect(await sending).toBeInstanceOf(ConnectionError);
      const { length } = client.recorded;
      if (how === "finish") blob.finish?.(new ArrayBuffer(1));
      else blob.fail?.(new Error("gone"));
      await turns(3);
      expect(client.recorded).toHaveLength(length);
      expect(client.all("dropped")).toEqual([{ direction: "out", message: blob, cause: "unsent" }]);
    },
  );
});

describe("close() inside a for await loop", () => {
  it.each([1, 1_000])(
    "ends the loop after the messages that precede the peer's Close (buffer: %i)",
    async (buffer) => {
      const { ws, peer } = await scene.open({ buffer });
      const received: Message[] = [];
      const looping = (async () => {
        for await (const message of ws) {
          received.push(message);
          if (message === "2") await ws.close();
        }
      })();
      peer.send(...texts(1, 3));
      await peer.untilClose();
      peer.send(closeFrame(1000));
      peer.endWithClient();
      await looping;
      expect(received).toEqual(["1", "2", "3"]);
    },
  );
});

describe("a message listener", () => {
  it.each(["message", "rawMessage"] as const)(
    "receives no more messages after it calls terminate(): %s",
    async (name) => {
      const { client, ws, peer } = await scene.open();
      const received: unknown[] = [];
      ws.on(name, ({ data }) => {
        received.push(data);
        if (data === "2") ws.terminate();
      });
      peer.send(...texts(1, 5));
      peer.endWithClient();
      await client.event("closed");
      expect(received).toEqual(["1", "2"]);
      expect(ws.stats().messagesReceived).toBe(2);
    },
  );

  it.each(["message", "rawMessage"] as const)(
    "receives the other messages of the same read after it calls close(): %s",
    async (name) => {
      const { client, ws, peer } = await scene.open();
      const received: unknown[] = [];
      let closing: Promise<void> | undefined;
      ws.on(name, ({ data }) => {
        received.push(data);
        closing ??= ws.close();
      });
      peer.send(...texts(1, 5), closeFrame(1000));
      peer.endWithClient();
      await client.event("closed");
      await closing;
      expect(received).toEqual(numbers(1, 5));
    },
  );

  it.each(["message", "rawMessage"] as const)(
    "that throws is reported, and the other listeners still run: %s",
    async (name) => {
      const { client, ws, peer } = await scene.open();
      const received: unknown[] = [];
      const fault = new Error("mine");
      ws.on(name, ({ data }) => {
        if (data === "1") throw fault;
      });
      ws.on(name, async ({ data }) => {
        await Promise.resolve();
        if (data === "2") throw fault;
      });
      ws.on(name, ({ data }) => received.push(data));
      peer.send(...texts(1, 3));
      await client.until(() => client.all("error").length === 2);
      expect(received).toEqual(["1", "2", "3"]);
      expect(client.all("error")).toEqual([
        { error: fault, isFatal: false },
        { error: fault, isFatal: false },
      ]);
    },
  );

  it("runs in the async context in which it was added", async () => {
    const storage = new AsyncLocalStorage<string>();
    const { ws, peer } = await scene.open();
    const seen: (string | undefined)[] = [];
    storage.run("first", () => ws.on("message", () => seen.push(storage.getStore())));
    storage.run("second", () => ws.on("message", () => seen.push(storage.getStore())));
    const size = scene.readSize;
    peer.send(...texts(1, 1));
    await scene.untilRead(size + textFrame("1").length);
    expect(seen).toEqual(["first", "second"]);
  });
});

type Kind = "TCP" | "TLS";

/** Opens a client, fills its inbox until it pauses, and returns it with its peer, which sent messages 0 to `count`. */
async function openPaused(kind: Kind, count: number, ...following: Buffer[]) {
  const server = await scene.listen({ isSecure: kind === "TLS" });
  const opened = await scene.open({ buffer: 4, tls: { ca: server.ca } }, { server });
  const first = opened.ws.recv();
  opened.peer.send(...texts(0, count), ...following);
  expect(await first).toBe("0");
  await opened.client.event("paused");
  return opened;
}

async function readAll(ws: { recv(): Promise<Message> }): Promise<readonly [Message[], unknown]> {
  const received: Message[] = [];
  for (;;) {
    try {
      received.push(await ws.recv());
    } catch (error) {
      return [received, error];
    }
  }
}

describe.each(["TCP", "TLS"] as const)("over %s, while back-pressure pauses reading,", (kind) => {
  it("the peer's Close and the end of its stream are processed after the messages", async () => {
    const { client, ws, peer } = await openPaused(kind, 20, closeFrame(1000));
    peer.end();
    await turns(5);
    expect(ws.state).toBe("connected");
    const [received, error] = await readAll(ws);
    expect(received).toEqual(numbers(1, 20));
    expect(error).toBeInstanceOf(CloseError);
    expect(ws.state).toBe("closed");
    expect((await client.event("closed")).report).toMatchObject({ verdict: "normal", wasClean: true });
  });

  it("an end without a Close is processed after the messages", async () => {
    const { ws, peer } = await openPaused(kind, 20);
    peer.end();
    const [received, error] = await readAll(ws);
    expect(received).toEqual(numbers(1, 20));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(ws.state).toBe("failed");
  });

  it("a protocol violation is processed after the messages", async () => {
    const { ws, peer } = await openPaused(kind, 20, frame({ opcode: 3 }), textFrame("never"));
    peer.endWithClient();
    const [received, error] = await readAll(ws);
    expect(received).toEqual(numbers(1, 20));
    expect(error).toBeInstanceOf(ProtocolError);
  });

  it("close() reads on to the peer's Close", async () => {
    const { client, ws, peer } = await openPaused(kind, 6);
    const closing = ws.close();
    await peer.untilClose();
    peer.send(...texts(7, 8), closeFrame(1000));
    peer.endWithClient();
    await closing;
    const [received] = await readAll(ws);
    expect(received).toEqual(numbers(1, 8));
    expect((await client.event("closed")).report.wasClean).toBe(true);
  });

  it("terminate() drops the buffered messages", async () => {
    const { client, ws, peer } = await openPaused(kind, 20);
    ws.terminate();
    peer.endWithClient();
    const [received] = await readAll(ws);
    expect(received).toEqual([]);
    const dropped = client.all("dropped").map(({ message, cause }) => [message, cause]);
    expect(dropped).toEqual(numbers(1, 4).map((text) => [text, "closed"]));
  });

  it("a handler added later receives the buffered messages, and reading resumes", async () => {
    const { client, ws } = await openPaused(kind, 20);
    const received: Message[] = [];
    const last = new Promise((resolve) =>
      ws.on("message", ({ data }) => (data === "20" ? resolve(data) : 0)),
    );
    ws.on("message", ({ data }) => received.push(data));
    await last;
    expect(received).toEqual(numbers(1, 20));
    expect(client.all("resumed").length).toBeGreaterThan(0);
  });
});

describe("a RST while back-pressure pauses reading", () => {
  it("is reported at once if a write detects it, and the messages read before it are kept", async () => {
    const { client, ws, peer } = await openPaused("TCP", 20);
    peer.reset();
    await turns(2);
    // The first write meets the RST; the next write fails.
    while (ws.state === "connected") {
      void ws.ping();
      await turns(1);
    }
    const [received, error] = await readAll(ws);
    expect(received).toEqual(numbers(1, 20));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(client.all("dropped")).toEqual([]);
  });

  it("keeps the messages that were read before it", async () => {
    const { client, ws, peer } = await openPaused("TCP", 20);
    peer.reset();
    const [received, error] = await readAll(ws);
    expect(received).toEqual(numbers(1, 20));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(client.all("dropped")).toEqual([]);
  });
});

describe("events, errors and reports", () => {
  it("show no credentials", async () => {
    const server = await scene.listen();
    const secret = "hunter2";
    const url = `${server.url.replace("//", `//user:${secret}@`)}?token=${secret}&x=1`;
    const client = scene.watch(url, { headers: { "X-Api-Key": secret } });
    const failing = client.ws.connect().catch((error: unknown) => error);
    (await server.client()).endWithClient().send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    await failing;
    const connecting = client.ws.connect();
    const peer = await server.client();
    const { requestLine } = await peer.accept();
    await connecting;
    expect(requestLine).toContain(secret);
    peer.reset();
    await client.until(() => client.all("closed").length === 2);
    const shownUrl = `${server.url}?token=***&x=***`;
    await server.close();
    await client.ws.connect().catch(() => undefined);
    const shown = client.recorded.map(({ event }) => inspect(event, { depth: 20, showHidden: true }));
    expect(shown.join("\n")).not.toContain(secret);
    expect(client.ws.url).toBe(shownUrl);
    expect(client.all("closed")).toHaveLength(3);
  });
});

describe("frames that arrive byte by byte", () => {
  it("are delivered as complete messages", async () => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.concat([
      ...texts(1, 3),
      frame({ opcode: opcodes.ping, payload: "x" }),
      ...texts(4, 4),
    ]);
    for (const byte of bytes) {
      const size = scene.readSize;
      peer.send(Buffer.of(byte));
      await scene.untilRead(size + 1);
    }
    expect([await ws.recv(), await ws.recv(), await ws.recv(), await ws.recv()]).toEqual(numbers(1, 4));
  });
});
