import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  CloseError,
  ConnectionError,
  InvalidStateError,
  JetSocketError,
  TimeoutError,
  WebSocket,
  type WebSocketOptions,
} from "../../src/index.js";
import { answerClose, closesOf, connecting, reportOf, stateIn } from "../support/client-end.js";
import { never } from "../support/never.js";
import type { Options, RecordedClient } from "../support/scene.js";
import { systemError } from "../support/virtual-peer.js";
import { VirtualScene } from "../support/virtual-scene.js";
import { recordWarnings } from "../support/warnings.js";
import { closeFrame, textFrame } from "../support/wire.js";

let scene: VirtualScene;
let warnings: unknown[][];

beforeEach(() => {
  scene = new VirtualScene();
  warnings = recordWarnings();
});

afterEach(() => scene.finish());

const stateOf = (promise: Promise<unknown>): Promise<unknown> => stateIn(scene, promise);

describe("cancelling connect()", () => {
  it("by its timeout ends the attempt", async () => {
    const client = scene.watch();
    const promise = client.ws.connect({ timeout: 300 });
    await scene.pass(300);
    expect(await stateOf(promise)).toBeInstanceOf(TimeoutError);
    const report = reportOf(client);
    expect(report).toMatchObject({ verdict: "connect-timeout", phase: "dns" });
    expect(report.error?.message).toBe(
      "Connecting to ws://feed.test/trades failed (phase: dns): " +
        "connect() took longer than the 300 ms that its timeout allows.",
    );
    expect(scene.clock.peers[0]!.isDestroyed).toBe(true);
  });

  it.each([new Error("stop"), "stop", null])(
    "by its signal, with the reason %s, ends the attempt",
    async (reason) => {
      const client = scene.watch();
      const controller = new AbortController();
      const promise = client.ws.connect({ signal: controller.signal });
      await scene.pass();
      controller.abort(reason);
      expect(await stateOf(promise)).toBe(reason);
      await scene.pass();
      expect(reportOf(client)).toMatchObject({ verdict: "aborted", initiatedBy: "us", isRetryable: false });
      expect(client.ws.state).toBe("failed");
      expect(client.fatalError).toBeInstanceOf(CloseError);
    },
  );

  it("does not end the attempt while another connect() waits for it", async () => {
    const client = scene.watch();
    const controller = new AbortController();
    const [first, second] = [client.ws.connect({ signal: controller.signal }), client.ws.connect()];
    controller.abort("stop");
    expect(await stateOf(first)).toBe("stop");
    const link = await scene.dial(client);
    link.answer();
    expect(await stateOf(second)).toBe("done");
  });

  it("by a signal that is already aborted starts no attempt", async () => {
    const client = scene.watch();
    expect(await stateOf(client.ws.connect({ signal: AbortSignal.abort("stop") }))).toBe("stop");
    expect(client.story).toEqual([]);
  });

  it("by a listener of the first event ends the attempt", async () => {
    const client = scene.watch();
    const controller = new AbortController();
    client.ws.once("stateChange", () => controller.abort("stop"));
    expect(await stateOf(client.ws.connect({ signal: controller.signal }))).toBe("stop");
    expect([client.ws.state, scene.clock.peers.length]).toEqual(["failed", 0]);
  });
});

describe("close()", () => {
  it("ends a client that was never connected", async () => {
    const client = scene.watch();
    const promise = client.ws.close();
    expect(client.story).toEqual(["to closed", "closed"]);
    expect(await stateOf(promise)).toBe("done");
    expect(reportOf(client)).toMatchObject({ verdict: "closed-by-us", initiatedBy: "us", error: undefined });
    expect(await stateOf(client.ws.connect())).toBeInstanceOf(InvalidStateError);
    expect(await stateOf(client.ws.run())).toBe("done");
    expect(await stateOf(client.ws.close())).toBe("done");
  });

  it.each(["while a provider function runs", "while it dials", "after the request was sent"])(
    "ends the attempt %s",
    async (when) => {
      const url = when === "while a provider function runs" ? () => never<string>() : "ws://feed.test/";
      const client = scene.watch({}, url);
      const promise = client.ws.connect();
      await scene.pass();
      if (when === "after the request was sent") await scene.dial(client);
      const closed = client.ws.close();
      const { peers } = scene.clock;
      for (const peer of peers) peer.accept();
      expect(await stateOf(closed)).toBe("done");
      expect(await stateOf(promise)).toBeInstanceOf(CloseError);
      expect(client.story.slice(-2)).toEqual(["to closed", "closed"]);
      expect(reportOf(client)).toMatchObject({ verdict: "closed-by-us", error: undefined });
      expect(peers.every((peer) => peer.isDestroyed)).toBe(true);
    },
  );

  it.each(["stateChange", "connecting"] as const)(
    "ends the attempt when a listener of %s calls it",
    async (name) => {
      const client = scene.watch();
      let closed: Promise<void> | undefined;
      client.ws.once(name, () => (closed = client.ws.close()));
      const promise = client.ws.connect();
      expect(await stateOf(promise)).toBeInstanceOf(CloseError);
      expect([await stateOf(closed!), client.ws.state, scene.clock.peers.length]).toEqual([
        "done",
        "closed",
        0,
      ]);
    },
  );

  it("ends the attempt when a provider function calls it", async () => {
    const client: RecordedClient = scene.watch({}, () => {
      void client.ws.close();
      return "ws://feed.test/";
    });
    expect(await stateOf(client.ws.connect())).toBeInstanceOf(CloseError);
    expect([client.ws.state, scene.clock.peers.length]).toEqual(["closed", 0]);
  });

  it("closes the open connection when a listener of `connected` calls it", async () => {
    const client = scene.watch();
    client.ws.once("connected", () => void client.ws.close(4000, "enough"));
    const promise = client.ws.connect();
    const link = await scene.dial(client);
    link.answer();
    expect(await stateOf(promise)).toBe("done");
    expect(closesOf(link)).toEqual([4000]);
    answerClose(link, 4000);
    await scene.pass();
    expect(client.ws.state).toBe("closed");
  });

  it("performs the closing handshake on an open connection", async () => {
    const { client, ws, link } = await scene.open();
    const promises = [ws.close(1000, "done"), ws.close(), ws.run()];
    expect(ws.state).toBe("disconnecting");
    await scene.pass();
    expect(closesOf(link)).toEqual([1000]);
    expect(await stateOf(promises[0]!)).toBe("waits");
    answerClose(link);
    await scene.pass();
    expect(await Promise.all(promises.map(stateOf))).toEqual(["done", "done", "done"]);
    expect(client.story.slice(4)).toEqual([
      ...["to disconnecting", "closing", "to disconnected", "disconnected", "to closed", "closed"],
    ]);
    expect(client.all("closing")).toEqual([{ code: 1000, reason: "done", initiatedBy: "us" }]);
    expect(reportOf(client)).toMatchObject({
      ...{ verdict: "closed-by-us", initiatedBy: "us", phase: "closing", reason: "done", wasClean: true },
      ...{ codeSent: 1000, codeReceived: 1000, error: undefined, isRetryable: false },
    });
    expect(client.all("disconnected")[0]?.report).toBe(reportOf(client));
  });

  it("ends as closed if the peer does not answer, with a TimeoutError in the report", async () => {
    const { client, ws } = await scene.open({ closeTimeout: 700 });
    const promise = ws.close();
    await scene.pass(700);
    expect(await stateOf(promise)).toBe("done");
    expect(ws.state).toBe("closed");
    const { error, verdict, wasClean } = reportOf(client);
    expect([verdict, wasClean]).toEqual(["closed-by-us", false]);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error?.message).toContain(
      "The connection to ws://feed.test/trades failed (phase: closing): The peer did not",
    );
  });

  it("continues to close when the timeout of the call passes", async () => {
    const { ws, link } = await scene.open();
    const promise = ws.close(1000, "", { timeout: 50 });
    await scene.pass(50);
    expect(await stateOf(promise)).toBeInstanceOf(TimeoutError);
    expect(ws.state).toBe("disconnecting");
    answerClose(link);
    await scene.pass();
    expect(ws.state).toBe("closed");
  });

  it("closes even if its signal is already aborted, and leaves no timer", async () => {
    const { ws, link } = await scene.open();
    expect(await stateOf(ws.close(1000, "", { signal: AbortSignal.abort("stop"), timeout: 60_000 }))).toBe(
      "stop",
    );
    expect(closesOf(link)).toEqual([1000]);
    answerClose(link);
    await scene.pass();
    expect(scene.counting.openTimers).toBe(0);
  });

  it("delivers the messages that arrive before the peer's Close frame", async () => {
    const { ws, link } = await scene.open();
    const promise = ws.close();
    link.send(textFrame("late"), closeFrame(1000));
    link.peer.end();
    await scene.pass();
    expect(await stateOf(promise)).toBe("done");
    expect(await ws.recv()).toBe("late");
    expect(await stateOf(ws.recv())).toBeInstanceOf(CloseError);
  });

  it("lets a pending flush() resolve when everything is written", async () => {
    const { ws, link } = await scene.open();
    link.peer.takesWrites = false;
    void ws.send("first");
    const flush = ws.flush();
    await scene.pass();
    const close = ws.close();
    expect(await stateOf(flush)).toBe("waits");
    link.peer.takesWrites = true;
    link.peer.take();
    expect(await stateOf(flush)).toBe("done");
    answerClose(link);
    expect(await stateOf(close)).toBe("done");
  });
});

describe("terminate()", () => {
  it("ends a client that was never connected", () => {
    const client = scene.watch();
    client.ws.terminate();
    client.ws.terminate();
    expect(client.story).toEqual(["to closed", "closed"]);
  });

  it("destroys the socket of a connecting client", async () => {
    const client = scene.watch();
    const promise = client.ws.connect();
    await scene.dial(client);
    client.ws.terminate();
    expect(await stateOf(promise)).toBeInstanceOf(CloseError);
    expect(client.ws.state).toBe("closed");
  });

  it("sends no Close frame, drops buffered messages, and ends readers", async () => {
    const { client, ws, link } = await scene.open();
    link.send(textFrame("waits"));
    await scene.pass();
    const run = ws.run();
    void ws.send("unsent");
    ws.terminate();
    expect(await stateOf(ws.send("more"))).toBeInstanceOf(InvalidStateError);
    expect(await stateOf(run)).toBe("done");
    expect(await stateOf(ws.recv())).toBeInstanceOf(CloseError);
    expect(link.frames).toEqual([]);
    expect(reportOf(client)).toMatchObject({ verdict: "closed-by-us", initiatedBy: "us", messagesUnsent: 1 });
    expect(client.all("dropped")).toEqual([
      { direction: "in", message: "waits", cause: "closed" },
      { direction: "out", message: "unsent", cause: "unsent" },
    ]);
  });

  it("prevents the delivery of further messages when a message listener calls it", async () => {
    const { ws, link } = await scene.open();
    const seen: unknown[] = [];
    ws.on("message", ({ data }) => {
      seen.push(data);
      ws.terminate();
    });
    link.send(textFrame("1"), textFrame("2"));
    await scene.pass();
    expect([seen, ws.state]).toEqual([["1"], "closed"]);
  });

  it("makes a later connect() reject", async () => {
    const { ws } = await scene.open();
    ws.terminate();
    expect(await stateOf(ws.connect())).toBeInstanceOf(InvalidStateError);
  });
});

describe("the option signal", () => {
  const reason = new Error("shut down");

  function withSignal(): { controller: AbortController; options: Options; listeners: () => number } {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    return {
      controller,
      options: { signal: controller.signal },
      listeners: () => (added.mock.calls.length > 0 ? 1 : 0) - (removed.mock.calls.length > 0 ? 1 : 0),
    };
  }

  it("sends Close 1001 and rejects pending calls with its reason", async () => {
    const { controller, options } = withSignal();
    const { client, ws, link } = await scene.open({ ...options, highWaterMark: 10 });
    link.send(textFrame("waits"));
    link.peer.takesWrites = false;
    const waiting = [ws.run(), ws.send("x".repeat(20)), ws.flush(), ws.ping()];
    await scene.pass();
    const loop = ws[Symbol.asyncIterator]();
    expect((await loop.next()).value).toBe("waits");
    waiting.push(loop.next() as never, ws.recv() as never);
    controller.abort(reason);
    expect(ws.state).toBe("disconnecting");
    expect(await Promise.all(waiting.slice(4).map(stateOf))).toEqual([reason, reason]);
    link.peer.takesWrites = true;
    link.peer.take();
    await scene.pass();
    expect(closesOf(link)).toEqual([1001]);
    link.send(textFrame("too late"), closeFrame(1001));
    link.peer.end();
    await scene.pass();
    expect(await Promise.all(waiting.map(stateOf))).toEqual([reason, "done", "done", reason, reason, reason]);
    expect(reportOf(client)).toMatchObject({ verdict: "aborted", initiatedBy: "us", isRetryable: false });
    expect(client.story.slice(-2)).toEqual(["to closed", "closed"]);
    expect(client.fatalError).toBeUndefined();
    expect(client.all("dropped")).toEqual([{ direction: "in", message: "too late", cause: "closed" }]);
    for (const late of [ws.run(), ws.recv(), ws.connect()]) expect(await stateOf(late)).toBe(reason);
  });

  it("rejects pending sends and pings if the peer does not answer", async () => {
    const { controller, options } = withSignal();
    const { ws, link } = await scene.open({ ...options, highWaterMark: 10, closeTimeout: 200 });
    link.peer.takesWrites = false;
    const waiting = [ws.send("x".repeat(20)), ws.send("y"), ws.flush(), ws.ping()];
    await scene.pass();
    controller.abort(reason);
    await scene.pass(200);
    expect(await Promise.all(waiting.map(stateOf))).toEqual([reason, reason, reason, reason]);
  });

  it.each([reason, "text", null])("ends an attempt, with the reason %s", async (why) => {
    const { controller, options } = withSignal();
    const client = scene.watch(options);
    const waiting = [client.ws.connect(), client.ws.run(), client.ws.recv()];
    await scene.pass();
    controller.abort(why);
    await scene.pass();
    expect(await Promise.all(waiting.map(stateOf))).toEqual([why, why, why]);
    expect(reportOf(client)).toMatchObject({ verdict: "aborted", error: undefined });
    expect([client.ws.state, client.fatalError]).toEqual(["closed", undefined]);
  });

  it("ends a client that was never connected", async () => {
    const { controller, options } = withSignal();
    const client = scene.watch(options);
    const recv = client.ws.recv();
    controller.abort(reason);
    expect(client.story).toEqual(["to closed", "closed"]);
    expect(await stateOf(recv)).toBe(reason);
    expect(await stateOf(client.ws.run())).toBe(reason);
  });

  it("prevents any attempt if it is already aborted", async () => {
    const options = { signal: AbortSignal.abort(reason) };
    const clients = [scene.watch(options), scene.watch(options), scene.watch(options), scene.watch(options)];
    const promises = [
      clients[0]!.ws.connect(),
      clients[1]!.ws.run(),
      clients[2]!.ws.recv(),
      clients[3]!.ws[Symbol.asyncIterator]().next(),
    ];
    expect(await Promise.all(promises.map(stateOf))).toEqual([reason, reason, reason, reason]);
    for (const { story } of clients) expect(story).toEqual(["to closed", "closed"]);
    expect(scene.clock.peers).toEqual([]);
  });

  it("prevents another run if it is aborted after a failure", async () => {
    const { controller, options } = withSignal();
    const client = scene.watch(options);
    const link = await scene.dial(client);
    link.peer.reset();
    await scene.pass();
    expect(client.ws.state).toBe("failed");
    controller.abort(reason);
    expect(await stateOf(client.ws.connect())).toBe(reason);
    expect(await stateOf(client.ws.run())).toBe(reason);
    expect(client.ws.state).toBe("failed");
  });

  it("does not change the outcome if it is aborted after close()", async () => {
    const { controller, options } = withSignal();
    const client = scene.watch(options);
    void client.ws.close();
    controller.abort(reason);
    expect(await stateOf(client.ws.connect())).toBe(reason);
    expect(await stateOf(client.ws.run())).toBe("done");
    expect(reportOf(client).verdict).toBe("closed-by-us");
  });

  it.each(["closed", "failed"] as const)("has no listener left when the client is %s", async (state) => {
    const { options, listeners } = withSignal();
    const { ws, link } = await scene.open(options);
    expect(listeners()).toBe(1);
    if (state === "closed") ws.terminate();
    else link.peer.reset();
    await scene.pass();
    expect([ws.state, listeners()]).toEqual([state, 0]);
  });
});

describe("run()", () => {
  it("connects, and resolves when the client is closed", async () => {
    const client = scene.watch();
    const run = client.ws.run();
    await scene.pass();
    const { link } = scene;
    link.peer.accept();
    await scene.pass();
    link.answer();
    expect(await stateOf(run)).toBe("waits");
    expect(client.ws.state).toBe("connected");
    void client.ws.close();
    answerClose(link);
    expect(await stateOf(run)).toBe("done");
  });

  it("rejects with the error of the first attempt", async () => {
    const client = scene.watch();
    const run = client.ws.run();
    await scene.pass();
    scene.link.peer.refuse();
    expect(await stateOf(run)).toBe(client.fatalError);
    expect(client.fatalError).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("connects again after a failure", async () => {
    const client = scene.watch();
    void client.ws.run();
    await scene.pass();
    scene.link.peer.refuse();
    await scene.pass();
    const run = client.ws.run();
    expect(client.ws.state).toBe("connecting");
    await scene.pass();
    scene.clock.peers[1]!.refuse();
    expect(await stateOf(run)).toBeInstanceOf(ConnectionError);
  });

  it.each(["run", "reconnect"] as const)(
    "does not connect if its signal is already aborted: %s()",
    async (call) => {
      const client = scene.watch({ reconnect: true });
      expect(await stateOf(client.ws[call]({ signal: AbortSignal.abort("stop") }))).toBe("stop");
      expect([client.ws.state, scene.clock.peers.length]).toEqual(["idle", 0]);
    },
  );

  it("does not stop the client when its timeout passes", async () => {
    const client = scene.watch();
    const run = client.ws.run({ timeout: 20 });
    await scene.pass(20);
    expect(await stateOf(run)).toBeInstanceOf(TimeoutError);
    expect(client.ws.state).toBe("connecting");
  });

  it("keeps the attempt of a cancelled connect()", async () => {
    const client = scene.watch();
    const run = client.ws.run();
    const connect = client.ws.connect({ timeout: 20 });
    await scene.pass(20);
    expect([await stateOf(connect), await stateOf(run)]).toEqual([expect.any(TimeoutError), "waits"]);
    expect(client.ws.state).toBe("connecting");
  });
});

describe("another run that a listener starts during the end of the last one", () => {
  it.each(["stateChange", "closed"] as const)(
    "begins after the end when a listener of `%s` calls connect()",
    async (name) => {
      const client = scene.watch();
      let promise: Promise<void> | undefined;
      client.ws.on(name, () => {
        if (client.ws.state === "failed") promise ??= client.ws.connect();
      });
      const first = await scene.dial(client);
      first.peer.reset();
      await scene.pass();
      expect(client.story).toEqual([...connecting, "error!", "to failed", "closed", ...connecting]);
      const { link } = scene;
      link.peer.accept();
      await scene.pass();
      link.answer();
      expect(await stateOf(promise!)).toBe("done");
      link.send(textFrame("second run"));
      await scene.pass();
      expect(await client.ws.recv()).toBe("second run");
    },
  );

  it("does not begin when a listener of the fatal `error` calls connect()", async () => {
    const client = scene.watch();
    let promise: Promise<void> | undefined;
    client.ws.on("error", () => (promise ??= client.ws.connect()));
    const link = await scene.dial(client);
    link.peer.reset();
    await scene.pass();
    expect(await stateOf(promise!)).toBe(client.fatalError);
    expect(client.ws.state).toBe("failed");
  });

  it("also begins when the listener calls run()", async () => {
    const client = scene.watch();
    let run: Promise<void> | undefined;
    client.ws.once("closed", () => (run = client.ws.run()));
    (await scene.dial(client)).peer.reset();
    await scene.pass();
    scene.link.peer.refuse(systemError("connect", "EHOSTUNREACH"));
    expect(await stateOf(run!)).toMatchObject({ code: "EHOSTUNREACH" });
  });
});

describe("a listener that fails", () => {
  it("causes a non-fatal `error` event", async () => {
    const { client, ws, link } = await scene.open();
    ws.on("message", () => {
      throw new Error("mine");
    });
    ws.on("message", () => Promise.reject(new TypeError("later")));
    ws.on("message", () => {
      throw 5 as unknown;
    });
    link.send(textFrame("1"));
    await scene.pass();
    const errors = client.all("error").map(({ error, isFatal }) => [error.message, isFatal]);
    expect(errors).toEqual([
      ["mine", false],
      ['A listener of "message" failed with 5', false],
      ["later", false],
    ]);
    expect(ws.state).toBe("connected");
  });

  it("causes a process warning if it listens to `error`", async () => {
    const { ws } = await scene.open();
    const failure = new Error("mine");
    ws.on("error", () => {
      throw failure;
    });
    void ws.sendRaw(5 as never);
    expect(warnings).toEqual([[failure]]);
  });

  it("is reported even if the thrown value cannot be converted to a string", async () => {
    const { client, ws, link } = await scene.open();
    ws.on("message", () => {
      throw Object.create(null);
    });
    link.send(textFrame("1"));
    await scene.pass();
    expect(client.all("error")[0]?.error.message).toBe(
      'A listener of "message" failed with [Object: null prototype] {}',
    );
  });
});

describe("a user function that throws while `error` has no listener", () => {
  const failure = new Error("mine");
  const fail = (): never => {
    throw failure;
  };

  /** Creates a client without listeners of the test scene, and sends three messages to it. */
  async function receive(
    options: WebSocketOptions<unknown, unknown>,
    prepare: (ws: WebSocket) => void = () => undefined,
  ): Promise<WebSocket> {
    const { runtime } = scene.counting;
    const ws = new WebSocket("ws://feed.test/", { runtime, reconnect: false, heartbeat: false, ...options });
    const promise = ws.connect();
    await scene.pass();
    scene.link.peer.accept();
    await scene.pass();
    scene.link.answer();
    await scene.pass();
    await promise;
    prepare(ws);
    scene.link.send(textFrame("1"), textFrame("2"), textFrame("3"));
    await scene.pass();
    ws.terminate();
    await scene.pass();
    return ws;
  }

  it.each([
    ["a listener that throws", {}, (ws: WebSocket) => ws.on("message", fail), 'A listener of "message"'],
    [
      "a listener that rejects",
      {},
      (ws: WebSocket) => ws.on("message", () => Promise.reject(failure)),
      'A listener of "message"',
    ],
    ["replay.sequence", { replay: { sequence: fail } }, undefined, "A function of the option replay"],
    [
      "heartbeat.isPong",
      { heartbeat: { ping: () => "ping", isPong: fail } },
      undefined,
      "The option heartbeat.isPong",
    ],
    [
      "outbox.acknowledges",
      { outbox: { idOf: () => 1, acknowledges: fail } },
      (ws: WebSocket) => ws.send("x"),
      "outbox.acknowledges",
    ],
  ] as [string, WebSocketOptions<unknown, unknown>, ((ws: WebSocket) => void) | undefined, string][])(
    "causes one process warning with the stack: %s",
    async (_what, options, prepare, subject) => {
      await receive(options, prepare);
      expect(warnings).toHaveLength(1);
      const [warning] = warnings[0] as [JetSocketError & { detail?: string }];
      expect(warning).toBeInstanceOf(JetSocketError);
      expect(warning).toMatchObject({
        code: expect.stringMatching(/FUNCTION_FAILED$/) as unknown,
        cause: failure,
      });
      expect(warning.message).toMatch(/ Listen to the event "error" to be notified of each such error\.$/);
      expect(warning.message.startsWith(`${subject} threw an error`)).toBe(true);
      expect(warning.detail).toBe(failure.stack);
    },
  );

  it("causes a process warning if the thrown value is not an error", async () => {
    await receive({}, (ws) =>
      ws.on("message", () => {
        throw 5 as unknown;
      }),
    );
    expect(warnings.map(([warning]) => (warning as Error).message)).toEqual([
      'A listener of "message" failed with 5. Listen to the event "error" to be notified of each such error.',
    ]);
  });

  it("causes no process warning if `error` has a listener", async () => {
    await receive({}, (ws) => ws.on("error", () => undefined).on("message", fail));
    expect(warnings).toEqual([]);
  });

  it("causes a process warning if it is `shouldReconnect`", async () => {
    const { runtime } = scene.counting;
    const ws = new WebSocket("ws://feed.test/", { runtime, retryInitial: true, shouldReconnect: fail });
    const promise = ws.connect();
    await scene.pass();
    scene.link.peer.refuse(systemError("connect", "ECONNREFUSED"));
    await scene.pass();
    expect(warnings.map(([warning]) => (warning as Error).message)).toEqual([
      'The option shouldReconnect threw an error: mine. Listen to the event "error" to be notified of each such error.',
    ]);
    await ws.close();
    await expect(promise).rejects.toThrow();
  });
});

describe("a fatal end without an observer", () => {
  /** Lets the connection of a client without listeners fail. */
  async function fail(prepare: (ws: WebSocket) => void): Promise<void> {
    const { runtime } = scene.counting;
    const ws = new WebSocket("ws://feed.test/", { runtime, reconnect: false, heartbeat: false });
    const promise = ws.connect();
    await scene.pass();
    const { link } = scene;
    link.peer.accept();
    await scene.pass();
    link.answer();
    await scene.pass();
    await promise;
    prepare(ws);
    link.peer.reset();
    await scene.pass();
    expect(ws.state).toBe("failed");
  }

  it("causes a process warning", async () => {
    await fail(() => undefined);
    expect(warnings).toEqual([[expect.any(ConnectionError)]]);
  });

  it.each([
    ["an `error` listener", (ws: WebSocket) => ws.on("error", () => undefined)],
    ["a `closed` listener", (ws: WebSocket) => ws.on("closed", () => undefined)],
    ["run()", (ws: WebSocket) => ws.run().catch(() => undefined)],
    ["recv()", (ws: WebSocket) => ws.recv()],
    ["an iteration", (ws: WebSocket) => ws[Symbol.asyncIterator]()],
  ] as const)("causes no warning with %s", async (_what, prepare) => {
    await fail((ws) => void prepare(ws));
    expect(warnings).toEqual([]);
  });
});

describe("back-pressure", () => {
  it("pauses and resumes reading, and emits events for both", async () => {
    const { client, ws, link } = await scene.open({ buffer: 2 });
    void ws.recv();
    link.send(...["0", "1", "2", "3", "4"].map((text) => textFrame(text)));
    await scene.pass();
    expect([client.all("paused").length, ws.stats().messagesReceived]).toEqual([1, 3]);
    await scene.pass(250);
    const seen: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      seen.push(await ws.recv());
      await scene.pass();
    }
    expect(seen).toEqual(["1", "2", "3", "4"]);
    expect(client.all("paused").length).toBe(client.all("resumed").length);
    void ws.close();
    answerClose(link);
    await scene.pass();
    const report = reportOf(client);
    expect(report.pausedMs).toBe(250);
    expect(report.events.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["connecting", "connected", "paused", "resumed", "closing"]),
    );
  });

  it("does not hold back a message when the connection breaks", async () => {
    const { client, ws, link } = await scene.open({ buffer: 1 });
    void ws.recv();
    link.send(...["0", "1", "2", "3"].map((text) => textFrame(text)));
    await scene.pass(100);
    expect(ws.stats().messagesReceived).toBe(2);
    ws.close().catch(() => undefined);
    link.peer.reset();
    await scene.pass();
    expect(ws.stats().messagesWaiting).toBe(2);
    expect(client.all("dropped").map(({ message }) => message)).toEqual(["3"]);
  });

  it("fails the connection with 1008 if overflow is `error`", async () => {
    const { client, ws, link } = await scene.open({ buffer: { capacity: 1, overflow: "error" } });
    void ws.recv();
    link.send(...["0", "1", "2"].map((text) => textFrame(text)));
    await scene.pass();
    expect(closesOf(link)).toEqual([1008]);
    link.peer.end();
    await scene.pass();
    expect(reportOf(client)).toMatchObject({ verdict: "local-stall", initiatedBy: "us" });
    expect(client.fatalError).toMatchObject({ code: "INBOX_OVERFLOW" });
    expect(client.all("dropped")).toEqual([{ direction: "in", message: "2", cause: "overflow" }]);
  });
});

describe("unref()", () => {
  it.each(["idle", "connecting", "connected", "paused"])(
    "lets the process exit when it is called while %s",
    async (when) => {
      const client = scene.watch({ buffer: 1 });
      const { ws } = client;
      if (when === "idle") ws.unref();
      const link = await scene.dial(client);
      if (when === "connecting") ws.unref();
      link.answer();
      await scene.pass();
      if (when === "connected") ws.unref();
      void ws.recv();
      link.send(textFrame("0"), textFrame("1"), textFrame("x".repeat(50)).subarray(0, 20));
      await scene.pass();
      if (when === "paused") ws.unref();
      expect(scene.clock.isHeld).toBe(false);
      void ws.close();
      expect(scene.clock.isHeld).toBe(false);
      ws.ref();
      expect(scene.clock.isHeld).toBe(true);
    },
  );
});
