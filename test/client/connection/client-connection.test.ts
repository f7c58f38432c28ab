import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HookConnection, type HookSender } from "../../../src/client/connection/hook-connection.js";
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
import { never } from "../../support/never.js";
import { VirtualLink } from "../../support/virtual-link.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";
import { binaryFrame, closeFrame, pingFrame, pongFrame, textFrame } from "../../support/wire.js";

type Message = string | Buffer;
type Options = WebSocketOptions<Message, Message>;

let clock: VirtualRuntime;
let counting: CountingRuntime;
let link: ClientConnection<Message, Message>;
let peer: VirtualLink;
let told: unknown[];
let ends: ClientConnectionEnd[];
let isLending: boolean;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  told = [];
  ends = [];
  isLending = false;
});

afterEach(async () => {
  if (ends.length === 0) link.terminate();
  await clock.advanceAsync(0);
  expect(ends.length).toBe(1);
  counting.assertIdle();
});

const handler: ClientConnectionHandler<Message, Message> & ConnectionMessageHandler<Message, Message> = {
  onDialling: ({ url }) => told.push(`dialling ${url}`),
  onOpen: ({ accepted, isReady }, times) => {
    told.push(`open ${accepted?.subprotocol}, ready: ${isReady}, ${Object.keys(times).sort().join(" ")}`);
  },
  createHook,
  onReady: ({ isReady }) => told.push(`ready: ${isReady}`),
  get isLending() {
    return isLending;
  },
  onBorrowed: (bytes) => told.push(`borrowed ${bytes.toString()}`) > 0,
  onMessage: (_link, data, size, at) => told.push(`message ${data.toString()} of ${size} at ${at}`),
  onDiscarded: (data) => told.push(`discarded ${data.toString()}`),
  onPing: (payload) => told.push(`ping ${payload.toString()}`),
  onPong: (payload, latencyMs) => told.push(`pong ${payload.toString()} ${latencyMs}`),
  onClosing: (_link, { code }, initiatedBy) => told.push(`closing ${code} by ${initiatedBy}`),
  onDrain: () => told.push("drain"),
  onError: (error) => told.push(error),
  onWithdrawn: (token) => told.push(`withdrawn ${String(token)}`),
  onSampled: () => undefined,
  onLastMessages: () => told.push("last messages"),
  sendPing: ({ live }) => live!.beat(Buffer.from("beat")),
  onEnd: (ended, end) => {
    ended.live?.settle(new Error("over"));
    ended.endHook(new Error("over"));
    ends.push(end);
  },
};

function createHook(): HookConnection<Message, Message> {
  const sender: HookSender<Message, Message> = {
    ...{ url: "", subprotocol: "", extensions: "" },
    send: () => never(),
    sendRaw: () => never(),
    ping: () => never(),
  };
  const isBuffering = onConnection !== undefined;
  const { runtime } = counting;
  const deserializer = (data: Message): Message => data;
  return new HookConnection(
    { sender, runtime, deserializer, maxBytes: 10, isBuffering },
    { onFull: (isFull) => (isFull ? link.pause("hook") : link.resume("hook")) },
  );
}

let onConnection: Options["onConnection"];

/** A link that has come as far as the request. */
async function dial(options: Options = {}): Promise<void> {
  ({ onConnection } = options);
  const resolved = resolveOptions<Message, Message>({ heartbeat: false, ...options }, counting.runtime);
  const resources = sharedResources(counting.runtime);
  const source = { url: "ws://feed.test/?token=secret", options: resolved };
  link = new ClientConnection(
    { source, options: resolved, resources, attempt: 3, observer: undefined },
    handler,
    handler,
  );
  link.start(undefined);
  await clock.advanceAsync(0);
  peer = new VirtualLink(clock.peers[0]!);
  peer.peer.accept();
  await clock.advanceAsync(0);
}

async function open(options: Options = {}, ...behind: readonly Uint8Array[]): Promise<void> {
  await dial(options);
  peer.answer({ behind });
  await clock.advanceAsync(0);
}

const eventsOf = (): string[] => link.log.events.map(({ name, detail }) => `${name} ${detail}`.trim());

/** A hook that ends when the test says so. */
function withHandle(): {
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
  // What no test ends is not to be left behind.
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

describe("a link without a hook", () => {
  it("is ready when it is open, before its messages come", async () => {
    await dial();
    expect([link.url, link.live, link.isReady]).toEqual(["ws://feed.test/?token=***", undefined, false]);
    await clock.advanceAsync(5);
    peer.answer({ behind: [textFrame("first")] });
    await clock.advanceAsync(0);
    expect(told).toEqual([
      ...["dialling ws://feed.test/?token=***", "open , ready: false, dns http tcp", "ready: true"],
      "message first of 5 at 5",
    ]);
    expect(link.attempt).toBe(3);
  });

  it("passes on what the connection tells", async () => {
    await open({ autoPong: false });
    told = [];
    link.live!.beat(Buffer.from("ours"));
    await clock.advanceAsync(4);
    peer.send(pingFrame("theirs"), pongFrame("ours"), closeFrame(1001));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(told).toEqual(["ping theirs", "pong ours 4", "closing 1001 by peer", "last messages"]);
    expect([ends[0]?.kind, link.isReady]).toEqual(["open", false]);
    expect(eventsOf().slice(-1)).toEqual(["closing 1001 by peer"]);
  });

  it("that never opens ends as an attempt", async () => {
    await dial();
    peer.peer.reset();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "unopened", phase: "http", error: { code: "ECONNRESET" } }]);
    expect(eventsOf()).toEqual(["connecting ws://feed.test/?token=***"]);
  });

  it.each(["close", "terminate"] as const)("that is not open is given up by %s()", async (call) => {
    await dial();
    if (call === "close") link.close({ code: 1000, reason: "" }, new Error("stop"));
    else link.terminate();
    await clock.advanceAsync(0);
    expect(ends).toEqual([
      { kind: "unopened", phase: "http", error: call === "close" ? new Error("stop") : undefined },
    ]);
    expect(peer.peer.isDestroyed).toBe(true);
  });

  it("that is open is closed properly", async () => {
    await open();
    link.close({ code: 4000, reason: "" });
    await clock.advanceAsync(0);
    expect([closesOf(peer), ends]).toEqual([[4000], []]);
    peer.send(closeFrame(4000));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(ends[0]).toMatchObject({ kind: "open", end: { initiatedBy: "us" } });
  });
});

describe("a hook", () => {
  it("runs before the link is ready, and what it does not take comes behind that, in order", async () => {
    const hook = withHandle();
    await open(hook.options, textFrame("1"));
    const reading = hook.given().recv({ match: (message) => message === "2" });
    peer.send(textFrame("2"), textFrame("3"));
    await clock.advanceAsync(7);
    expect([await reading, told.length, link.isReady]).toEqual(["2", 2, false]);
    await hook.done();
    peer.send(textFrame("4"));
    await clock.advanceAsync(0);
    expect(told.slice(2)).toEqual([
      ...["ready: true", "message 1 of 1 at 0", "message 3 of 1 at 0", "message 4 of 1 at 7"],
    ]);
    expect(hook.signal().aborted).toBe(false);
  });

  it("that is behind its bound lets the reading stand still, and go on when it is done", async () => {
    const hook = withHandle();
    await open(hook.options, textFrame("12345"), textFrame("67890"), textFrame("x"), textFrame("behind"));
    expect(link.live!.isPaused).toBe(true);
    await hook.done();
    expect(link.live!.isPaused).toBe(false);
    expect(told.slice(3)).toEqual([
      ...["message 12345 of 5 at 0", "message 67890 of 5 at 0", "message x of 1 at 0"],
      "message behind of 6 at 0",
    ]);
  });

  it("that fails ends the link properly, and drops what it had not taken", async () => {
    const hook = withHandle();
    await open(hook.options, textFrame("1"));
    const error = new Error("no login");
    await hook.fail(error);
    expect([told.slice(2), closesOf(peer)]).toEqual([["discarded 1", "closing 1000 by us"], [1000]]);
    peer.send(textFrame("late"), closeFrame(1000));
    peer.peer.end();
    await clock.advanceAsync(0);
    expect(told).toContain("discarded late");
    expect(ends).toMatchObject([{ kind: "setup", error }]);
    expect(eventsOf()).toContain("setup failed no login");
  });

  it("that takes too long has failed", async () => {
    const hook = withHandle();
    await open(hook.options);
    await clock.advanceAsync(1_000);
    expect([hook.signal().aborted, closesOf(peer)]).toEqual([true, [1000]]);
    link.terminate();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "setup", error: { operation: "onConnection" } }]);
  });

  it.each(["reset", "close"] as const)("is told when the connection ends meanwhile: %s", async (how) => {
    const hook = withHandle();
    await open(hook.options, textFrame("1"));
    if (how === "reset") peer.peer.reset();
    else link.close({ code: 1000, reason: "" });
    await clock.advanceAsync(0);
    expect(hook.signal().aborted).toBe(true);
    await hook.done();
    expect([link.isReady, told.includes("ready: true")]).toEqual([false, false]);
    link.terminate();
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "setup", error: undefined }]);
    expect(told).toContain("discarded 1");
  });
});

describe("a message on loan", () => {
  it("comes as such while its owner lends, and its setup is over", async () => {
    isLending = true;
    const hook = withHandle();
    await open(hook.options, textFrame("1"));
    await hook.done();
    told = [];
    peer.send(textFrame("2"), binaryFrame(Buffer.from("3")));
    await clock.advanceAsync(0);
    isLending = false;
    peer.send(textFrame("4"));
    await clock.advanceAsync(0);
    expect(told).toEqual(["borrowed 2", "borrowed 3", "message 4 of 1 at 0"]);
  });

  it("is kept for a hook that waits for one, from the next message on", async () => {
    isLending = true;
    await open();
    peer.send(textFrame("1"));
    await clock.advanceAsync(0);
    const reading = link.hook!.publicConnection.recv({ match: (message) => message === "3" });
    expect(link.isLending).toBe(false);
    expect(link.onBorrowed(Buffer.from("2"), false)).toBe(false);
    told = [];
    peer.send(textFrame("2"), textFrame("3"), textFrame("4"));
    await clock.advanceAsync(0);
    expect(await reading).toBe("3");
    expect(told).toEqual(["message 2 of 1 at 0", "message 4 of 1 at 0"]);
    peer.send(textFrame("5"));
    await clock.advanceAsync(0);
    expect(told.at(-1)).toBe("borrowed 5");
  });
});

describe("a link that is ready before it is wanted", () => {
  it("brings no message until then, and those of its hook first", async () => {
    const hook = withHandle();
    await open(hook.options, textFrame("1"));
    link.enterStandby();
    await hook.done();
    peer.send(textFrame("2"));
    await clock.advanceAsync(0);
    expect([link.isReady, told.at(-1)]).toEqual([true, "ready: true"]);
    link.leaveStandby();
    await clock.advanceAsync(0);
    expect(told.slice(-2)).toEqual(["message 1 of 1 at 0", "message 2 of 1 at 0"]);
    told = [];
    link.leaveStandby();
    expect([told, link.live!.isPaused]).toEqual([[], false]);
  });
});

describe("a message on its way", () => {
  it("that is taken back, and room for others, are told", async () => {
    await open({ highWaterMark: 10, lowWaterMark: 0 });
    peer.peer.takesWrites = false;
    void link.live!.send("above the mark", undefined);
    await clock.advanceAsync(0);
    told = [];
    link.live!.send("late", { timeout: 5 }, "token").catch(() => undefined);
    await clock.advanceAsync(5);
    expect(told).toEqual(["withdrawn token", expect.any(TimeoutError)]);
    peer.peer.take();
    await clock.advanceAsync(0);
    expect(told.at(-1)).toBe("drain");
  });
});

describe("a pause", () => {
  it("lasts until none of its reasons is left", async () => {
    await open();
    const states: boolean[] = [];
    const note = (): void => void states.push(link.live!.isPaused);
    link.pause("consumer");
    note();
    link.pause("overlap");
    link.resume("consumer");
    note();
    link.resume("hook");
    note();
    link.resume("overlap");
    note();
    expect(states).toEqual([true, true, true, false]);
  });

  it("does not keep the last messages back", async () => {
    await open();
    told = [];
    link.pause("consumer");
    peer.send(textFrame("1"));
    peer.peer.reset();
    link.live!.terminate();
    await clock.advanceAsync(0);
    expect(told).toEqual(["last messages"]);
  });
});

describe("the pulse", () => {
  it("begins with the connection, and ends with it", async () => {
    await open({ heartbeat: { interval: 1_000, timeout: 300 } });
    await clock.advanceAsync(1_000);
    expect(peer.texts).toEqual(["beat"]);
    await clock.advanceAsync(300);
    await clock.advanceAsync(0);
    expect(ends).toMatchObject([{ kind: "open", end: { error: { operation: "heartbeat" } } }]);
    expect(link.loopLag).toBe(0);
  });

  it("tells of two sides that wait for each other", async () => {
    await open({ heartbeat: { interval: 1_000, timeout: 300 } });
    peer.peer.takesWrites = false;
    void link.live!.send("x", undefined);
    await clock.advanceAsync(0);
    link.pause("consumer");
    await clock.advanceAsync(300);
    await clock.advanceAsync(0);
    expect(told).toContainEqual(expect.objectContaining({ code: "MUTUAL_STALL" }));
    expect(ends).toMatchObject([{ kind: "open", end: { error: { code: "MUTUAL_STALL" } } }]);
  });
});

describe("holding the process", () => {
  it.each(["before", "dialling", "in its setup"])("is left to others, said %s", async (when) => {
    const hook = withHandle();
    if (when === "before") {
      const dialling = open(hook.options);
      link.unref();
      await dialling;
    } else {
      await dial(hook.options);
      if (when === "dialling") link.unref();
      peer.answer();
      await clock.advanceAsync(0);
      if (when === "in its setup") link.unref();
    }
    expect(clock.isHeld).toBe(false);
    link.ref();
    expect(clock.isHeld).toBe(true);
    await hook.done();
    link.unref();
    expect(clock.isHeld).toBe(false);
  });
});
