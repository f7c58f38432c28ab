// Attempts that are ended by close(), terminate(), a signal or a timeout, and signals in every state.
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, InvalidStateError, type Phase, TimeoutError } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { never } from "../support/never.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

const controller = (): AbortController => new AbortController();

interface Dialling {
  readonly client: RecordedClient;
  readonly peer?: PeerSocket;
}

type Start = (signal: AbortSignal, connect: (client: RecordedClient) => void) => Promise<Dialling>;

/** Starts an attempt and stops it in one phase, where it waits without end. */
const hangs: [phase: Phase, how: string, start: Start][] = [
  [
    "provider",
    "in a provider function",
    async (signal, connect) => {
      const client = scene.watch(never, { signal });
      connect(client);
      await turns(1);
      return { client };
    },
  ],
  [
    "dns",
    "in a DNS lookup",
    async (signal, connect) => {
      const client = scene.watch("ws://slow.example/", { signal, lookup: () => undefined });
      connect(client);
      await turns(2);
      return { client };
    },
  ],
  [
    "provider",
    "in createConnection",
    async (signal, connect) => {
      const client = scene.watch("ws://slow.example/", { signal, createConnection: never });
      connect(client);
      await turns(1);
      return { client };
    },
  ],
  [
    "tls",
    "in the TLS handshake",
    async (signal, connect) => {
      const server = await scene.listen();
      const client = scene.watch(server.url.replace("ws:", "wss:"), { signal });
      connect(client);
      const peer = (await server.client()).endWithClient();
      await peer.until(() => peer.receivedSize > 0);
      return { client, peer };
    },
  ],
  [
    "http",
    "before the answer",
    async (signal, connect) => {
      const server = await scene.listen();
      const client = scene.watch(server.url, { signal });
      connect(client);
      const peer = (await server.client()).endWithClient();
      await peer.request();
      return { client, peer };
    },
  ],
  [
    "http",
    "in the body of a rejection",
    async (signal, connect) => {
      const server = await scene.listen();
      const client = scene.watch(server.url, { signal });
      connect(client);
      const peer = (await server.client()).endWithClient();
      await peer.request();
      const answer = "HTTP/1.1 401 Unauthorized\r\n\r\n";
      peer.send(answer);
      await scene.untilRead(answer.length);
      return { client, peer };
    },
  ],
];

/** The URL is known, and `connecting` is emitted, before a stream is created. */
const story = (how: string, ...end: string[]): string[] => [
  "to connecting",
  ...(how === "in a provider function" ? [] : ["connecting"]),
  ...end,
];

describe.each(hangs)("an attempt that hangs in the phase %s, %s,", (phase, hangsHow, start) => {
  it.each(["close", "terminate"] as const)("ends as closed after %s()", async (how) => {
    let connecting: Promise<unknown> | undefined;
    let running: Promise<void> | undefined;
    const { client, peer } = await start(controller().signal, ({ ws }) => {
      connecting = ws.connect().catch((error: unknown) => error);
      running = ws.run();
    });
    const { ws } = client;
    const receiving = ws.recv().catch((error: unknown) => error);
    const ended = ws[how]();
    await client.event("closed");
    await ended;
    await running;
    expect(await connecting).toBeInstanceOf(CloseError);
    expect(await receiving).toBeInstanceOf(CloseError);
    expect(client.story).toEqual(story(hangsHow, "to closed", "closed"));
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "closed-by-us", phase, initiatedBy: "us", error: undefined });
    await peer?.untilGone();
    await expect(ws.connect()).rejects.toBeInstanceOf(InvalidStateError);
  });

  it("ends with the reason of the signal after an abort", async () => {
    const aborter = controller();
    let calls: Promise<unknown>[] = [];
    const { client, peer } = await start(aborter.signal, ({ ws }) => {
      calls = [ws.connect(), ws.run(), ws.recv(), ws[Symbol.asyncIterator]().next()].map((call) =>
        call.catch((error: unknown) => error),
      );
    });
    const reason = new Error("no longer needed");
    aborter.abort(reason);
    await client.event("closed");
    for (const error of await Promise.all(calls)) expect(error).toBe(reason);
    expect(client.story).toEqual(story(hangsHow, "to closed", "closed"));
    const { report } = await client.event("closed");
    expect(report).toMatchObject({ verdict: "aborted", phase, initiatedBy: "us", isRetryable: false });
    expect(getEventListeners(aborter.signal, "abort")).toEqual([]);
    await peer?.untilGone();
    await expect(client.ws.connect()).rejects.toBe(reason);
    await expect(client.ws.run()).rejects.toBe(reason);
  });

  it("is abandoned when the signal of connect() aborts, and the client ends as failed", async () => {
    const aborter = controller();
    let connecting: Promise<unknown> | undefined;
    const { client, peer } = await start(controller().signal, ({ ws }) => {
      connecting = ws.connect({ signal: aborter.signal }).catch((error: unknown) => error);
    });
    const reason = new Error("another time");
    aborter.abort(reason);
    expect(await connecting).toBe(reason);
    await client.event("closed");
    expect(client.ws.state).toBe("failed");
    expect(client.story).toEqual(story(hangsHow, "error!", "to failed", "closed"));
    expect((await client.event("closed")).report).toMatchObject({ verdict: "aborted", initiatedBy: "us" });
    expect(getEventListeners(aborter.signal, "abort")).toEqual([]);
    await peer?.untilGone();
  });

  it("is abandoned after the timeout of connect()", async () => {
    let connecting: Promise<unknown> | undefined;
    const { client, peer } = await start(controller().signal, ({ ws }) => {
      connecting = ws.connect({ timeout: 50 }).catch((error: unknown) => error);
    });
    scene.clock.advance(50);
    const error = await connecting;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "connect", timeoutMs: 50 });
    await client.event("closed");
    expect(client.ws.state).toBe("failed");
    await peer?.untilGone();
  });

  it("continues for the other connect() call when one of two is aborted", async () => {
    const aborter = controller();
    let first: Promise<unknown> | undefined;
    let second: Promise<unknown> | undefined;
    const { client } = await start(controller().signal, ({ ws }) => {
      first = ws.connect({ signal: aborter.signal }).catch((error: unknown) => error);
      second = ws.connect().catch((error: unknown) => error);
    });
    const reason = new Error("I alone");
    aborter.abort(reason);
    expect(await first).toBe(reason);
    await turns(2);
    expect(client.ws.state).toBe("connecting");
    await client.ws.close();
    expect(await second).toBeInstanceOf(CloseError);
  });
});

describe("a signal", () => {
  it("that is aborted before connect() prevents any connection", async () => {
    const server = await scene.listen();
    const reason = new Error("never");
    const client = scene.watch(server.url, { signal: AbortSignal.abort(reason) });
    await expect(client.ws.connect()).rejects.toBe(reason);
    await expect(client.ws.run()).rejects.toBe(reason);
    await expect(client.ws.recv()).rejects.toBe(reason);
    expect(client.ws.state).toBe("closed");
    expect(server.connectionCount).toBe(0);
  });

  it("that is aborted before run() rejects it at once", async () => {
    const reason = new Error("never");
    const client = scene.watch("ws://127.0.0.1:1/", { signal: AbortSignal.abort(reason) });
    await expect(client.ws.run()).rejects.toBe(reason);
  });

  it("that is aborted while idle rejects the pending calls", async () => {
    const aborter = controller();
    const client = scene.watch("ws://127.0.0.1:1/", { signal: aborter.signal });
    const receiving = client.ws.recv();
    const reason = new Error("never");
    aborter.abort(reason);
    await expect(receiving).rejects.toBe(reason);
    await client.event("closed");
    expect(client.ws.state).toBe("closed");
  });

  it("that is aborted while connected sends Close 1001 and rejects the pending reads at once", async () => {
    const aborter = controller();
    const { client, ws, peer } = await scene.open({ signal: aborter.signal, highWaterMark: 1_000 });
    peer.stopReading();
    const iterator = ws[Symbol.asyncIterator]();
    const waiting = [
      ws.recv(),
      iterator.next(),
      ws.run(),
      ws.ping(),
      ws.sendRaw(Buffer.alloc(16 * 1024 * 1024)),
      ws.flush(),
    ];
    const settled = waiting.map((call) => call.catch((error: unknown) => error));
    const reason = new Error("shutting down");
    aborter.abort(reason);
    expect(await settled[0]).toBe(reason);
    expect(await settled[1]).toBe(reason);
    await expect(ws.recv()).rejects.toBe(reason);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    expect(ws.state).toBe("disconnecting");
    peer.goOnReading();
    expect(await peer.untilClose()).toEqual({ code: 1001, reason: "" });
    peer.end();
    const { report } = await client.event("closed");
    // The result of sendRaw() is not checked: the peer has read the message, so it may resolve.
    const [, , running, pinging] = await Promise.all(settled);
    expect([running, pinging]).toEqual([reason, reason]);
    expect(report).toMatchObject({ verdict: "aborted", codeSent: 1001, initiatedBy: "us" });
    expect(ws.state).toBe("closed");
    expect(getEventListeners(aborter.signal, "abort")).toEqual([]);
  });

  it("that is aborted while closing rejects the pending calls with its reason", async () => {
    const aborter = controller();
    const { client, ws, peer } = await scene.open({ signal: aborter.signal });
    const closing = ws.close(4000);
    const receiving = ws.recv();
    const reason = new Error("hurry");
    aborter.abort(reason);
    await expect(receiving).rejects.toBe(reason);
    expect(await peer.untilClose()).toMatchObject({ code: 4000 });
    peer.end();
    await closing;
    expect((await client.event("closed")).report.verdict).toBe("aborted");
  });

  it("that is aborted after the end changes nothing", async () => {
    const aborter = controller();
    const { client, ws, peer } = await scene.open({ signal: aborter.signal });
    const closing = ws.close();
    await peer.untilClose();
    peer.end();
    await closing;
    aborter.abort();
    expect(client.all("closed")).toHaveLength(1);
    await ws.run();
  });

  it("that is aborted waits closeTimeout for a peer that never answers", async () => {
    const aborter = controller();
    const { client, peer } = await scene.open({ signal: aborter.signal, closeTimeout: 3_000 });
    aborter.abort(null);
    await peer.untilClose();
    scene.clock.advance(2_999);
    expect(client.ws.state).toBe("disconnecting");
    scene.clock.advance(1);
    await client.event("closed");
    await expect(client.ws.run()).rejects.toBe(null);
    peer.endWithClient();
  });
});
