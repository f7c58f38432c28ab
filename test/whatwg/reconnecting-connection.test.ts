import { describe, expect, it } from "vitest";
import { ReconnectingConnection } from "../../src/whatwg/reconnecting-connection.js";
import {
  readReconnectingOptions,
  type ReconnectingWebSocketOptions,
} from "../../src/whatwg/reconnecting-options.js";
import { toUrlRecord } from "../../src/whatwg/url-record.js";
import { accepting, type Script, Stage } from "../layers/stage.js";

interface Made {
  readonly stage: Stage;
  readonly socket: ReconnectingConnection;
  readonly log: string[];
  readonly events: Event[];
}

/** A reconnecting connection in virtual time. Each wait before an attempt takes a second. */
async function make(
  options: ReconnectingWebSocketOptions = {},
  script: Script = accepting,
  protocols?: string[],
): Promise<Made> {
  const stage = new Stage(script);
  const log: string[] = [];
  const events: Event[] = [];
  const source = {
    url: () => Promise.resolve(toUrlRecord("ws://feed.test/trades")),
    protocols: protocols && (() => Promise.resolve(protocols)),
  };
  const backoff = { base: 1_000, multiplier: 1, jitter: false };
  const given = readReconnectingOptions({ runtime: stage.runtime, backoff, ...options });
  const socket = new ReconnectingConnection(source, given, (event) => {
    log.push(`${event.type} ${socket.readyState}`);
    events.push(event);
  });
  await stage.pass();
  return { stage, socket, log, events };
}

/** Ends the socket and checks that nothing is left. */
async function finish({ stage, socket }: Made): Promise<void> {
  socket.close({ code: 1000, reason: "" });
  await stage.pass(60_000);
  await stage.finish();
}

const bye = { code: 1000, reason: "" };

describe("a reconnecting connection", () => {
  it("fires open and close for each connection, with readyState in between", async () => {
    const made = await make();
    const { stage, socket, log } = made;
    stage.connection.send("first");
    await stage.pass();
    stage.connection.reset();
    await stage.pass();
    expect([log, socket.readyState, socket.retryCount]).toEqual([
      ...[["open 1", "message 1", "error 3", "close 3"], 3, 1],
    ]);
    await stage.pass(1_000);
    expect([log.slice(4), socket.readyState, socket.retryCount]).toEqual([["open 1"], 1, 1]);
    stage.connection.close(1000, "enough");
    await stage.pass();
    expect(log.slice(5)).toEqual(["close 3"]);
    await stage.pass(1_000);
    expect([log.slice(6), socket.retryCount]).toEqual([["open 1"], 2]);
    // The next connection is open for longer than `backoff.resetAfter`.
    await stage.pass(60_000);
    expect(socket.retryCount).toBe(0);
    stage.connection.close(1000);
    await stage.pass(1_000);
    expect([log.slice(7), socket.retryCount]).toEqual([["close 3", "open 1"], 1]);
    await finish(made);
    expect(log.slice(9)).toEqual(["close 3"]);
  });

  it("fires error and close for each failed attempt, and counts the retries", async () => {
    const made = await make({}, (connection, n) => {
      if (n < 3) connection.reject(503);
      else connection.accept();
    });
    const { stage, socket, log } = made;
    expect([log, socket.readyState, socket.retryCount]).toEqual([["error 3", "close 3"], 3, 1]);
    await stage.pass(1_000);
    expect([log.length, socket.retryCount]).toEqual([4, 2]);
    await stage.pass(1_000);
    expect([log.slice(4), socket.retryCount]).toEqual([["open 1"], 2]);
    await stage.pass(60_000);
    expect(socket.retryCount).toBe(0);
    await finish(made);
  });

  it("does not count retries before a stable connection for maxRetries", async () => {
    const made = await make({ maxRetries: 1 }, (connection, n) => {
      if (n === 1) connection.reject(503);
      else connection.accept();
    });
    const { stage, socket } = made;
    await stage.pass(1_000);
    expect([socket.readyState, socket.retryCount]).toEqual([1, 1]);
    await stage.pass(60_000);
    stage.connection.reset();
    await stage.pass(1_000);
    expect([socket.readyState, socket.retryCount, socket.isReconnecting]).toEqual([1, 1, true]);
    stage.connection.reset();
    await stage.pass(1_000);
    expect([socket.readyState, socket.retryCount, socket.isReconnecting]).toEqual([3, 1, false]);
    await finish(made);
  });

  it("retries after refusals that end the client of jetsocket", async () => {
    const made = await make({}, (connection) => connection.reject(401));
    await made.stage.pass(20_000);
    expect(made.log.length).toBeGreaterThan(20);
    await finish(made);
  });

  it.each([
    [{ maxRetries: 2 }, 3],
    [{ maxRetries: 0 }, 1],
    [{ shouldReconnect: () => false }, 1],
  ])("with %j makes %d attempts", async (options, count) => {
    const made = await make(options, (connection) => connection.reject(503));
    const { stage, socket, log } = made;
    await stage.pass(60_000);
    expect([log.length, socket.readyState, socket.isReconnecting]).toEqual([count * 2, 3, false]);
    socket.reconnect(bye);
    expect([socket.readyState, socket.isReconnecting]).toEqual([0, true]);
    await stage.pass(60_000);
    expect(log.length).toBe(count * 4);
    await finish(made);
  });

  it("keeps messages while there is no connection, in order, and sends them before those of open", async () => {
    const received: unknown[] = [];
    const made = await make({}, async (connection, n) => {
      if (n > 1) connection.accept();
      else connection.reject(503);
      for await (const message of connection) received.push(String(message));
    });
    const { stage, socket } = made;
    for (const text of ["a", "b"]) socket.send(text);
    socket.send(new Uint8Array([99]));
    expect(socket.bufferedAmount).toBe(3);
    await stage.pass(1_000);
    socket.send("d");
    await stage.pass();
    expect([received, socket.bufferedAmount]).toEqual([["a", "b", "c", "d"], 0]);
    await finish(made);
  });

  it("drops messages above the limit, and fires error", async () => {
    const made = await make({ maxEnqueuedMessages: 2 }, (connection) => connection.reject(503));
    const { stage, socket, log, events } = made;
    log.length = 0;
    for (const text of ["a", "b", "c"]) socket.send(text);
    await stage.pass();
    expect([log, socket.bufferedAmount]).toEqual([["error 3"], 2]);
    expect((events.at(-1) as Event & { readonly error: Error }).error.name).toBe("BufferOverflowError");
    await finish(made);
  });

  it("does not connect before reconnect() with startClosed", async () => {
    const made = await make({ startClosed: true });
    const { stage, socket, log } = made;
    socket.send("early");
    socket.close(bye);
    await stage.pass(60_000);
    expect([log, socket.readyState, stage.server.connectionCount]).toEqual([[], 3, 0]);
    socket.reconnect(bye);
    expect(socket.readyState).toBe(0);
    await stage.pass();
    expect(await stage.connection.receive()).toBe("early");
    await finish(made);
  });

  it("keeps messages after close(), and sends them after reconnect()", async () => {
    const made = await make();
    const { stage, socket, log } = made;
    socket.close({ code: 4000, reason: "pause" });
    expect([socket.readyState, socket.isReconnecting]).toEqual([2, false]);
    socket.send("a");
    await stage.pass(60_000);
    socket.send("b");
    expect([log, socket.readyState, socket.bufferedAmount]).toEqual([["open 1", "close 3"], 3, 2]);
    socket.reconnect(bye);
    await stage.pass();
    expect([await stage.connection.receive(), await stage.connection.receive()]).toEqual(["a", "b"]);
    expect([log.slice(2), socket.bufferedAmount]).toEqual([["open 1"], 0]);
    await finish(made);
  });

  it("moves waiting messages to the next client with reconnect()", async () => {
    const made = await make({}, (connection, n) => (n === 1 ? connection.reject(503) : connection.accept()));
    const { stage, socket, log } = made;
    socket.send("waiting");
    socket.reconnect(bye);
    socket.send("later");
    await stage.pass();
    expect([await stage.connection.receive(), await stage.connection.receive()]).toEqual([
      "waiting",
      "later",
    ]);
    expect([log, socket.retryCount]).toEqual([["error 3", "close 3", "open 1"], 0]);
    await finish(made);
  });

  it("closes an open connection with reconnect(), and fires close at once", async () => {
    const made = await make();
    const { stage, socket, log, events } = made;
    const first = stage.connection;
    socket.send("last");
    socket.reconnect({ code: 4000, reason: "moved" });
    expect(socket.readyState).toBe(0);
    await stage.pass();
    expect(log).toEqual(["open 1", "close 0", "open 1"]);
    expect(events[1]).toMatchObject({ code: 4000, reason: "moved", wasClean: true });
    expect(await first.receive()).toBe("last");
    expect(await first.closed).toMatchObject({ code: 4000, reason: "moved" });
    await finish(made);
  });

  it("ends an attempt with close(), and a wait without an event", async () => {
    const made = await make({}, () => undefined);
    made.socket.close(bye);
    expect(made.socket.readyState).toBe(2);
    await made.stage.pass();
    expect(made.log).toEqual(["error 3", "close 3"]);
    await finish(made);
    const waiting = await make({}, (connection) => connection.reject(503));
    waiting.socket.close(bye);
    await waiting.stage.pass(60_000);
    expect([waiting.log.length, waiting.socket.readyState]).toEqual([2, 3]);
    await finish(waiting);
  });

  it("fails an attempt if the server selects none of the subprotocols", async () => {
    const made = await make({}, accepting, ["chat"]);
    expect(made.log).toEqual(["error 3", "close 3"]);
    await finish(made);
    const other = await make({}, (connection) => connection.accept({ subprotocol: "chat" }), ["chat"]);
    expect([other.log, other.socket.protocol]).toEqual([["open 1"], "chat"]);
    await finish(other);
  });

  it("ends with the option signal, and does not connect again", async () => {
    const abort = new AbortController();
    const made = await make({ signal: abort.signal });
    abort.abort();
    await made.stage.pass();
    made.socket.reconnect(bye);
    await made.stage.pass(60_000);
    expect([made.log, made.socket.readyState]).toEqual([["open 1", "close 3"], 3]);
    expect(made.stage.server.connectionCount).toBe(1);
    await finish(made);
  });
});
