import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CloseError,
  ConnectionError,
  HandshakeError,
  ProtocolError,
  TimeoutError,
} from "../../../src/index.js";
import { closesOf, connecting, opened, reportOf, stateIn } from "../../support/client-end.js";
import type { Options, RecordedClient } from "../../support/scene.js";
import type { VirtualLink } from "../../support/virtual-link.js";
import { VirtualScene } from "../../support/virtual-scene.js";
import { closeFrame, pongFrame, textFrame } from "../../support/wire.js";

let scene: VirtualScene;

beforeEach(() => {
  scene = new VirtualScene();
});

afterEach(async () => {
  await scene.finish();
});

const stateOf = (promise: Promise<unknown>): Promise<unknown> => stateIn(scene, promise);

describe("connecting", () => {
  it("emits an event for each step, and resolves when the connection is open", async () => {
    const client = scene.watch();
    const promise = client.ws.connect();
    expect(client.ws.state).toBe("connecting");
    const link = await scene.dial(client);
    expect(await stateOf(promise)).toBe("waits");
    link.answer({ followedBy: [textFrame("early")] });
    expect(await stateOf(promise)).toBe("done");
    expect(client.story).toEqual(opened);
    expect(client.all("connecting")).toEqual([{ url: "ws://feed.test/trades", attempt: 1 }]);
    const [connected] = client.all("connected");
    expect(connected).toEqual({ url: "ws://feed.test/trades", subprotocol: "", extensions: "" });
    expect(await client.ws.recv()).toBe("early");
  });

  it("resolves all pending calls with one connection, and resolves immediately if it is open", async () => {
    const client = scene.watch();
    const link = await scene.dial(client);
    const second = client.ws.connect();
    link.answer();
    expect(await stateOf(second)).toBe("done");
    expect(await stateOf(client.ws.connect())).toBe("done");
    expect(scene.clock.peers.length).toBe(1);
  });

  it("delivers no message before `connected`", async () => {
    const client = scene.watch();
    const order: string[] = [];
    client.ws.on("message", ({ data }) => order.push(data.toString()));
    client.ws.on("connected", () => order.push("connected"));
    const link = await scene.dial(client);
    link.answer({ followedBy: [textFrame("early")] });
    await scene.pass();
    expect(order).toEqual(["connected", "early"]);
  });
});

describe("a reconnect", () => {
  it("is counted, with its downtime, before the event `reconnected`", async () => {
    const { ws, link } = await scene.open({ reconnect: true, backoff: { base: 70, jitter: false } });
    const counts: unknown[] = [];
    ws.on("reconnected", ({ downtimeMs }) => {
      const { reconnectCount, histograms } = ws.stats();
      counts.push({ downtimeMs, reconnectCount, recoveryMs: histograms.recoveryMs?.last });
    });
    link.peer.reset();
    await scene.pass(70);
    const next = scene.link;
    next.peer.accept();
    await scene.pass();
    next.answer();
    await scene.pass();
    expect(counts).toEqual([{ downtimeMs: 70, reconnectCount: 1, recoveryMs: 70 }]);
  });
});

describe("a failed attempt", () => {
  async function fail(
    act: (link: VirtualLink) => void,
    options: Options = {},
  ): Promise<{ client: RecordedClient; error: unknown }> {
    const client = scene.watch(options);
    const promise = client.ws.connect();
    const link = await scene.dial(client);
    act(link);
    await scene.pass();
    return { client, error: await stateOf(promise) };
  }

  it.each([
    ["a network error", (link: VirtualLink) => link.peer.reset(), ConnectionError, "network-lost"],
    [
      "an HTTP response other than 101",
      (link: VirtualLink) => link.peer.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
      HandshakeError,
      "auth",
    ],
    ["a timeout", () => scene.clock.advance(10_000), TimeoutError, "connect-timeout"],
  ] as const)("emits one fatal error and ends the client: %s", async (_how, act, type, verdict) => {
    const { client, error } = await fail(act);
    expect(error).toBeInstanceOf(type);
    expect(client.fatalError).toBe(error);
    expect(client.story).toEqual([...connecting, "error!", "to failed", "closed"]);
    const report = reportOf(client);
    expect(report).toMatchObject({ verdict, phase: "http", url: "ws://feed.test/trades", error });
    expect(error).toMatchObject({ report });
    expect((error as Error).message).toContain("Connecting to ws://feed.test/trades failed (phase: http): ");
    expect(client.ws.state).toBe("failed");
  });

  it("may be followed by another connect(), which keeps the listeners and passes the last report", async () => {
    const seen: unknown[] = [];
    const { client } = await fail((link) => link.peer.reset(), {
      headers: ({ attempt, lastReport }) => {
        seen.push([attempt, lastReport?.verdict]);
        return {};
      },
    });
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    expect(client.ws.state).toBe("connected");
    expect(seen).toEqual([
      [1, undefined],
      [1, "network-lost"],
    ]);
    expect(client.story.slice(5)).toEqual(opened);
  });

  it("without I/O lets the event loop continue before the next one, however soon connect() is called", async () => {
    const client = scene.watch({}, () => {
      throw new Error("no url");
    });
    client.ws.on("closed", () => {
      if (client.all("closed").length < 3) void client.ws.connect();
    });
    void client.ws.connect();
    for (let count = 0; count < 1_000; count++) await Promise.resolve();
    expect(client.all("closed").length).toBe(1);
    expect(client.ws.state).toBe("connecting");
    await scene.pass();
    expect(client.all("closed").length).toBe(3);
  });

  it("may be followed by an attempt that is abandoned before it starts", async () => {
    const { client } = await fail((link) => link.peer.reset());
    const { length } = scene.clock.peers;
    const promise = client.ws.connect();
    client.ws.terminate();
    expect(client.ws.state).toBe("closed");
    expect(await stateOf(promise)).toMatchObject({ code: "CLOSED" });
    await scene.pass();
    expect(scene.clock.peers.length).toBe(length);
  });

  it("has no URL in its message if the URL is not known yet", async () => {
    const client = scene.watch({}, () => Promise.reject(new Error("no url")));
    const error = await stateOf(client.ws.connect());
    expect((error as Error).message).toMatch(/^Connecting failed \(phase: provider\): no url\. /);
    expect(reportOf(client)).toMatchObject({ url: "", verdict: "setup-failed", initiatedBy: "us" });
  });

  it("has the URL without secrets in its message if a provider function fails", async () => {
    const headers = (): never => {
      throw new Error("no token");
    };
    const client = scene.watch({ headers }, "ws://user:secret@feed.test/?token=secret");
    const error = await stateOf(client.ws.connect());
    expect(String(error)).toContain(
      "Connecting to ws://feed.test/?token=*** failed (phase: provider): no token.",
    );
    expect(inspect(client.recorded, { depth: 10 })).not.toContain("secret");
  });
});

describe("an end by the peer", () => {
  it.each([
    [1000, "normal"],
    [1001, "going-away"],
  ] as const)("with Close %i is a normal end", async (code, verdict) => {
    const { client, ws, link } = await scene.open();
    const run = ws.run();
    link.send(closeFrame(code, "bye"));
    link.peer.end();
    await scene.pass();
    expect(await stateOf(run)).toBe("done");
    expect(client.story.slice(4)).toEqual([
      ...["to disconnecting", "closing", "to disconnected", "disconnected", "to closed", "closed"],
    ]);
    expect(reportOf(client)).toMatchObject({ verdict, initiatedBy: "peer", reason: "bye", wasClean: true });
    expect(closesOf(link)).toEqual([code]);
    expect(await stateOf(ws.recv())).toBeInstanceOf(CloseError);
  });

  it.each([1005, 1008, 1011, 4000])("with Close %i is a failure", async (code) => {
    const { client, ws, link } = await scene.open();
    const run = ws.run();
    link.send(code === 1005 ? closeFrame() : closeFrame(code));
    link.peer.end();
    const error = await stateOf(run);
    expect(error).toBeInstanceOf(CloseError);
    expect(client.fatalError).toBe(error);
    expect(client.story.slice(4)).toEqual([
      ...["to disconnecting", "closing", "to disconnected", "disconnected", "error!", "to failed", "closed"],
    ]);
    expect(reportOf(client)).toMatchObject({ codeReceived: code, wasClean: true, error: undefined });
    expect(ws.state).toBe("failed");
  });

  it("without a Close frame is a failure that rejects all pending calls", async () => {
    const { client, ws, link } = await scene.open({ highWaterMark: 10 });
    link.peer.takesWrites = false;
    const waiting = [
      ws.run(),
      ws.send("x".repeat(20)),
      ws.send("y"),
      ws.flush(),
      ws.ping(),
      ws.recv(),
      client.ws.run(),
    ];
    await scene.pass();
    link.peer.reset();
    await scene.pass();
    const errors = await Promise.all(waiting.map(stateOf));
    expect(errors[0]).toBeInstanceOf(ConnectionError);
    expect(new Set(errors)).toEqual(new Set([client.fatalError]));
    expect(client.story.slice(4)).toEqual([
      ...["dropped", "to disconnected", "disconnected", "error!", "to failed", "closed"],
    ]);
    expect(reportOf(client)).toMatchObject({
      verdict: "network-lost",
      initiatedBy: "network",
      phase: "open",
    });
  });

  it("lets iterations yield the buffered messages before they reject", async () => {
    const { client, ws, link } = await scene.open();
    link.send(textFrame("1"), textFrame("2"));
    link.peer.reset();
    await scene.pass();
    const seen: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of ws) seen.push(message);
    };
    await expect(loop()).rejects.toBe(client.fatalError);
    expect(seen).toEqual(["1", "2"]);
  });

  it("with a protocol violation is reported as a ProtocolError", async () => {
    const { client, ws, link } = await scene.open();
    const run = ws.run();
    link.send(textFrame("good"), textFrame("bad", { rsv1: true }));
    link.peer.end();
    const error = await stateOf(run);
    expect(error).toBeInstanceOf(ProtocolError);
    expect((error as Error).message).toMatch(
      /^The connection to ws:\/\/feed\.test\/trades failed \(phase: open\): The peer set RSV1/,
    );
    expect(closesOf(link)).toEqual([1002]);
    expect(reportOf(client)).toMatchObject({
      verdict: "protocol-error",
      initiatedBy: "us",
      codeSent: 1002,
      error,
    });
    expect(await ws.recv()).toBe("good");
  });
});

it("counts unsent and uncertain messages, and emits `dropped` for each unsent message", async () => {
  const { client, ws, link } = await scene.open();
  link.peer.takesWrites = false;
  void ws.send("confirmed");
  await scene.pass();
  link.peer.take();
  await scene.pass();
  void ws.ping({ payload: Buffer.from("p") });
  await scene.pass();
  link.peer.take();
  link.send(pongFrame("p"));
  await scene.pass();
  void ws.send("in flight");
  await scene.pass();
  void ws.send("unsent 1");
  void ws.send("unsent 2");
  link.peer.reset();
  await scene.pass();
  expect(reportOf(client)).toMatchObject({ messagesUnsent: 2, messagesUncertain: 1, unansweredPings: 0 });
  expect(client.all("dropped")).toEqual(
    ["unsent 1", "unsent 2"].map((message) => ({ direction: "out", message, cause: "unsent" })),
  );
});
