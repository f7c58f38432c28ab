import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redactor } from "../../../src/redaction/redactor.js";
import { HookConnection } from "../../../src/client/connection/hook-connection.js";
import {
  ClientConnection,
  type ClientConnectionEnd,
  type ClientConnectionHandler,
  type ConnectionMessageHandler,
} from "../../../src/client/connection/client-connection.js";
import { sharedResources } from "../../../src/client/connection/shared-resources.js";
import { TimeoutError } from "../../../src/errors.js";
import type { WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import type { SetupConnection } from "../../../src/options/setup-connection.js";
import { closesOf } from "../../support/client-end.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { never, pendingSender } from "../../support/never.js";
import { VirtualLink } from "../../support/virtual-link.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";
import { binaryFrame, closeFrame, pingFrame, pongFrame, textFrame } from "../../support/wire.js";

type Message = string | Buffer;
type Options = WebSocketOptions<Message, Message>;

let clock: VirtualRuntime;
let counting: CountingRuntime;
let connection: ClientConnection;
let peer: VirtualLink;
let calls: unknown[];
let ends: ClientConnectionEnd[];
let isLending: boolean;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  calls = [];
  ends = [];
  isLending = false;
});

afterEach(async () => {
  if (ends.length === 0) connection.terminate();
  await clock.advanceAsync(0);
  expect(ends.length).toBe(1);
  counting.assertIdle();
});

const handler: ClientConnectionHandler & ConnectionMessageHandler = {
  onDialling: ({ url }) => calls.push(`dialling ${url}`),
  onRedirected: () => undefined,
  onOpen: ({ accepted, isReady }, times) => {
    calls.push(`open ${accepted?.subprotocol}, ready: ${isReady}, ${Object.keys(times).sort().join(" ")}`);
  },
  createHook,
  onReady: ({ isReady }) => calls.push(`ready: ${isReady}`),
  get isLending() {
    return isLending;
  },
  onBorrowed: (bytes) => calls.push(`borrowed ${bytes.toString()}`) > 0,
  inbound: {
    receive: (_connection, data, size, at) => calls.push(`message ${data.toString()} of ${size} at ${at}`),
  },
  onDiscarded: (data) => calls.push(`discarded ${data.toString()}`),
  onPing: (payload) => calls.push(`ping ${payload.toString()}`),
  onPong: (payload, latencyMs) => calls.push(`pong ${payload.toString()} ${latencyMs}`),
  onClosing: (_connection, { code }, initiatedBy) => calls.push(`closing ${code} by ${initiatedBy}`),
  onDrain: () => calls.push("drain"),
  onError: (error) => calls.push(error),
  onWithdrawn: (token) => calls.push(`withdrawn ${String(token)}`),
  onSampled: () => undefined,
  onLastMessages: () => calls.push("last messages"),
  sendPing: ({ live }) => live!.sendHeartbeatPing(Buffer.from("beat")),
  onEnd: (ended, end) => {
    ended.live?.settle(new Error("over"));
    ended.endHook(new Error("over"));
    ends.push(end);
  },
};

function createHook(): HookConnection {
  const { runtime } = counting;
  return new HookConnection({
    ...{ sender: pendingSender, runtime, maxBytes: 10, isBuffering: onConnection !== undefined },
    deserializer: (data) => data,
    onFull: (isFull) => (isFull ? connection.pause("hook") : connection.resume("hook")),
  });
}

let onConnection: Options["onConnection"];

/** Starts a connection and waits until it has sent its handshake request. */
async function dial(options: Options = {}): Promise<void> {
  ({ onConnection } = options);
  const resolved = resolveOptions<Message, Message>({ heartbeat: false, ...options }, counting.runtime);
  const resources = sharedResources(counting.runtime);
  const source = { url: "ws://feed.test/?token=secret", options: resolved };
  connection = new ClientConnection(
    {
      source,
      options: resolved,
      resources,
      attempt: 3,
      observer: undefined,
      redactor: new Redactor(undefined),
    },
    handler,
    handler,
  );
  connection.start(undefined);
  await clock.advanceAsync(0);
  peer = new VirtualLink(clock.peers[0]!);
  peer.peer.accept();
  await clock.advanceAsync(0);
}

async function open(options: Options = {}, ...trailing: readonly Uint8Array[]): Promise<void> {
  await dial(options);
  peer.answer({ followedBy: trailing });
  await clock.advanceAsync(0);
}

const eventsOf = (): string[] => connection.log.events.map(({ name, detail }) => `${name} ${detail}`.trim());

/** Creates an `onConnection` hook that the test completes or fails. */
function createControlledHook(): {
  options: Options;
  given: () => SetupConnection<Message, Message>;
  done: () => Promise<void>;
  fail: (error: Error) => Promise<void>;
  signal: () => AbortSignal;
} {
  let [done, fail] = [(): void => undefined, (_error: Error): void => undefined];
  let given: readonly [SetupConnection<Message, Message>, AbortSignal] | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    done = resolve;
    fail = reject;
  });
  // Settles the promise after the test, in case the test does not.
  void never().then(done);
  return {
    options: {
      setupTimeout: 1_000,
      onConnection: (connection, signal) => {
        given = [connection, signal];
        return promise;
      },
    },
    given: () => given![0],
    signal: () => given![1],
    done: async () => {
      done();
      await clock.advanceAsync(0);
    },
    fail: async (error) => {
      fail(error);
      await clock.advanceAsync(0);
    },
  };
}

describe("ClientConnection without a hook", () => {
  it("is ready when it opens, before messages are delivered", async () => {
    await dial();
    expect([connection.url, connection.live, connection.isReady]).toEqual([
      "ws://feed.test/?token=***",
      undefined,
      false,
    ]);
    await clock.advanceAsync(5);
    peer.answer({ followedBy: [textFrame("first")] });
    await clock.advanceAsync(0);
    expect(calls).toEqual([
      ...["dialling ws://feed.test/?token=***", "open , ready: false, dns http tcp", "ready: true"],
      "message first of 5 at 5",
    ]);
    expect(connection.attempt).toBe(3);
  });

  it("forwards the events of the live connection", async () => {
    await open({ autoPong: false });
    calls = [];
    connection.live!.sendHeartbeatPing(Buffer.from("ours"));
    await clock.advanceAsync(4);
    peer.send(pingFrame("theirs"), pongFrame("ours"), closeFrame(1001));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(calls).toEqual(["ping theirs", "pong ours 4", "closing 1001 by peer", "last messages"]);
    expect([ends[0]?.kind, connection.isReady]).toEqual(["open", false]);
    expect(eventsOf().slice(-1)).toEqual(["closing 1001 by peer"]);
  });

  it('ends as "unopened" when the attempt fails', async () => {
    await dial();
    peer.peer.reset();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "unopened", phase: "http", error: { code: "ECONNRESET" } }]);
    expect(eventsOf()).toEqual(["connecting ws://feed.test/?token=***"]);
  });

  it.each(["close", "terminate"] as const)("abandons the attempt when %s() is called", async (call) => {
    await dial();
    if (call === "close") connection.close({ code: 1000, reason: "" }, new Error("stop"));
    else connection.terminate();
    await clock.advanceAsync(0);
    expect(ends).toEqual([
      {
        kind: "unopened",
        phase: "http",
        error: call === "close" ? new Error("stop") : undefined,
      },
    ]);
    expect(peer.peer.isDestroyed).toBe(true);
  });

  it("performs the closing handshake when close() is called on an open connection", async () => {
    await open();
    connection.close({ code: 4000, reason: "" });
    await clock.advanceAsync(0);
    expect([closesOf(peer), ends]).toEqual([[4000], []]);
    peer.send(closeFrame(4000));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(ends[0]).toMatchObject({ kind: "open", end: { initiatedBy: "us" } });
  });
});

describe("ClientConnection with a hook", () => {
  it("becomes ready after the hook, and then delivers the unconsumed messages in order", async () => {
    const hook = createControlledHook();
    await open(hook.options, textFrame("1"));
    const reading = hook.given().recv({ match: (message) => message === "2" });
    peer.send(textFrame("2"), textFrame("3"));
    await clock.advanceAsync(7);
    expect([await reading, calls.length, connection.isReady]).toEqual(["2", 2, false]);
    await hook.done();
    peer.send(textFrame("4"));
    await clock.advanceAsync(0);
    expect(calls.slice(2)).toEqual([
      ...["ready: true", "message 1 of 1 at 0", "message 3 of 1 at 0", "message 4 of 1 at 7"],
    ]);
    expect(hook.signal().aborted).toBe(false);
  });

  it("pauses reading when the hook's buffer is full, and resumes when the hook completes", async () => {
    const hook = createControlledHook();
    await open(hook.options, textFrame("12345"), textFrame("67890"), textFrame("x"), textFrame("behind"));
    expect(connection.live!.isPaused).toBe(true);
    await hook.done();
    expect(connection.live!.isPaused).toBe(false);
    expect(calls.slice(3)).toEqual([
      ...["message 12345 of 5 at 0", "message 67890 of 5 at 0", "message x of 1 at 0"],
      "message behind of 6 at 0",
    ]);
  });

  it("closes with 1000 and drops the unconsumed messages when the hook fails", async () => {
    const hook = createControlledHook();
    await open(hook.options, textFrame("1"));
    const error = new Error("no login");
    await hook.fail(error);
    expect([calls.slice(2), closesOf(peer)]).toEqual([["discarded 1", "closing 1000 by us"], [1000]]);
    peer.send(textFrame("late"), closeFrame(1000));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(calls).toContain("discarded late");
    expect(ends).toMatchObject([{ kind: "setup", error }]);
    expect(eventsOf()).toContain("setup failed no login");
  });

  it("fails the setup when setupTimeout passes", async () => {
    const hook = createControlledHook();
    await open(hook.options);
    await clock.advanceAsync(1_000);
    expect([hook.signal().aborted, closesOf(peer)]).toEqual([true, [1000]]);
    connection.terminate();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "setup", error: { operation: "onConnection" } }]);
  });

  it.each(["reset", "close"] as const)("aborts the signal of a running hook on %s", async (how) => {
    const hook = createControlledHook();
    await open(hook.options, textFrame("1"));
    if (how === "reset") peer.peer.reset();
    else connection.close({ code: 1000, reason: "" });
    await clock.advanceAsync(0);
    expect(hook.signal().aborted).toBe(true);
    await hook.done();
    expect([connection.isReady, calls.includes("ready: true")]).toEqual([false, false]);
    connection.terminate();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "setup", error: undefined }]);
    expect(calls).toContain("discarded 1");
  });
});

describe("borrowed messages", () => {
  it("are delivered while the handler accepts them and the setup is complete", async () => {
    isLending = true;
    const hook = createControlledHook();
    await open(hook.options, textFrame("1"));
    await hook.done();
    calls = [];
    peer.send(textFrame("2"), binaryFrame(Buffer.from("3")));
    await clock.advanceAsync(0);
    isLending = false;
    peer.send(textFrame("4"));
    await clock.advanceAsync(0);
    expect(calls).toEqual(["borrowed 2", "borrowed 3", "message 4 of 1 at 0"]);
  });

  it("are not used while a recv() of a hook waits, starting with the next message", async () => {
    isLending = true;
    await open();
    peer.send(textFrame("1"));
    await clock.advanceAsync(0);
    const reading = connection.hook!.publicConnection.recv({ match: (message) => message === "3" });
    expect(connection.isLending).toBe(false);
    expect(connection.onBorrowed(Buffer.from("2"), false)).toBe(false);
    calls = [];
    peer.send(textFrame("2"), textFrame("3"), textFrame("4"));
    await clock.advanceAsync(0);
    expect(await reading).toBe("3");
    expect(calls).toEqual(["message 2 of 1 at 0", "message 4 of 1 at 0"]);
    peer.send(textFrame("5"));
    await clock.advanceAsync(0);
    expect(calls.at(-1)).toBe("borrowed 5");
  });
});

describe("a standby connection", () => {
  it("delivers no message until it leaves standby, and then the buffered messages of its hook first", async () => {
    const hook = createControlledHook();
    await open(hook.options, textFrame("1"));
    connection.enterStandby();
    await hook.done();
    peer.send(textFrame("2"));
    await clock.advanceAsync(0);
    expect([connection.isReady, calls.at(-1)]).toEqual([true, "ready: true"]);
    connection.leaveStandby();
    await clock.advanceAsync(0);
    expect(calls.slice(-2)).toEqual(["message 1 of 1 at 0", "message 2 of 1 at 0"]);
    calls = [];
    connection.leaveStandby();
    expect([calls, connection.live!.isPaused]).toEqual([[], false]);
  });
});

describe("sending", () => {
  it("reports a withdrawn message, and a drained buffer", async () => {
    await open({ highWaterMark: 10, lowWaterMark: 0 });
    peer.peer.takesWrites = false;
    void connection.live!.queue.send("above the mark", undefined);
    await clock.advanceAsync(0);
    calls = [];
    connection.live!.queue.send("late", { timeout: 5 }, "token").catch(() => undefined);
    await clock.advanceAsync(5);
    expect(calls).toEqual(["withdrawn token", expect.any(TimeoutError)]);
    peer.peer.take();
    await clock.advanceAsync(0);
    expect(calls.at(-1)).toBe("drain");
  });
});

describe("pausing", () => {
  it("lasts until no reason is left", async () => {
    await open();
    const states: boolean[] = [];
    const note = (): void => void states.push(connection.live!.isPaused);
    connection.pause("consumer");
    note();
    connection.pause("overlap");
    connection.resume("consumer");
    note();
    connection.resume("hook");
    note();
    connection.resume("overlap");
    note();
    expect(states).toEqual([true, true, true, false]);
  });

  it("does not hold back the last messages", async () => {
    await open();
    calls = [];
    connection.pause("consumer");
    peer.send(textFrame("1"));
    peer.peer.reset();
    connection.live!.terminate();
    await clock.advanceAsync(0);
    expect(calls).toEqual(["last messages"]);
  });
});

describe("the heartbeat", () => {
  it("starts and ends with the connection", async () => {
    await open({ heartbeat: { interval: 1_000, timeout: 300 } });
    await clock.advanceAsync(1_000);
    expect(peer.texts).toEqual(["beat"]);
    await clock.advanceAsync(300);
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "open", end: { error: { operation: "heartbeat" } } }]);
    expect(connection.loopLag).toBe(0);
  });

  it("reports MUTUAL_STALL when both ends wait for each other", async () => {
    await open({ heartbeat: { interval: 1_000, timeout: 300 } });
    peer.peer.takesWrites = false;
    void connection.live!.queue.send("x", undefined);
    await clock.advanceAsync(0);
    connection.pause("consumer");
    await clock.advanceAsync(300);
    await clock.advanceAsync(0);
    expect(calls).toContainEqual(expect.objectContaining({ code: "MUTUAL_STALL" }));
    expect(ends).toMatchObject([{ kind: "open", end: { error: { code: "MUTUAL_STALL" } } }]);
  });
});

describe("unref()", () => {
  it.each(["before start", "while dialling", "during the setup"])(
    "lets the process exit: %s",
    async (when) => {
      const hook = createControlledHook();
      if (when === "before start") {
        const dialling = open(hook.options);
        connection.unref();
        await dialling;
      } else {
        await dial(hook.options);
        if (when === "while dialling") connection.unref();
        peer.answer();
        await clock.advanceAsync(0);
        if (when === "during the setup") connection.unref();
      }
      expect(clock.isHeld).toBe(false);
      connection.ref();
      expect(clock.isHeld).toBe(true);
      await hook.done();
      connection.unref();
      expect(clock.isHeld).toBe(false);
    },
  );
});
