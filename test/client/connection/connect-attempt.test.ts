import { beforeEach, describe, expect, it } from "vitest";
import type { FrameObserver } from "../../../protocol/index.js";
import { ConnectAttempt, type ConnectAttemptPlan } from "../../../src/client/connection/connect-attempt.js";
import { sharedResources } from "../../../src/client/connection/shared-resources.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";
import type { LiveHandler } from "../../../src/connection/live-handler.js";
import type { OpeningTimes } from "../../../src/connection/opening.js";
import { TimeoutError } from "../../../src/errors.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import type { WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { aReport } from "../../support/reports.js";
import { VirtualLink } from "../../support/virtual-link.js";
import { systemError } from "../../support/virtual-peer.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";
import { closeFrame, textFrame } from "../../support/wire.js";
import { never } from "../../support/never.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let told: unknown[];
let live: LiveConnection | undefined;
let openingTimes: OpeningTimes | undefined;
let frames: string[];
/** The test's own part of `onDialling`. */
let onDiallingCall: (() => void) | undefined;

const liveHandler: LiveHandler = {
  onMessage: (data) => told.push(["message", data]),
  isLending: false,
  onBorrowed: () => false,
  onPing: () => undefined,
  onPong: () => undefined,
  onClosing: () => undefined,
  onDrain: () => undefined,
  onRefused: () => undefined,
  onWithdrawn: () => undefined,
  onSampled: () => undefined,
  onLastMessages: () => false,
  onLeftoverFailed: () => undefined,
  onEnd: () => told.push("end"),
};

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  told = [];
  live = undefined;
  openingTimes = undefined;
  frames = [];
  onDiallingCall = undefined;
});

type Given = Partial<Pick<ConnectAttemptPlan, "attempt">> & {
  readonly lastReport?: CloseReport;
  readonly url?: ConnectAttemptPlan["source"]["url"];
  readonly options?: WebSocketOptions<never, never>;
};

function create({
  url = "ws://feed.test/?token=secret",
  options = {},
  attempt = 1,
}: Given = {}): ConnectAttempt {
  const resolved = resolveOptions<never, never>(options, counting.runtime);
  const resources = sharedResources(counting.runtime);
  const observer: FrameObserver = {
    ...{ isActive: true, excerptSize: 0 },
    onFrame: (direction, { opcode }) => frames.push(`${direction} ${opcode}`),
  };
  return new ConnectAttempt(
    {
      ...{ source: { url, options: resolved }, options: resolved, resources, attempt },
      observer,
    },
    {
      onDialling: (shown) => {
        told.push(["dialling", shown]);
        onDiallingCall?.();
      },
      onOpen: (connection, { subprotocol }, times) => {
        live = connection;
        openingTimes = times;
        told.push(["open", subprotocol]);
      },
      onFailed: (phase, error) => told.push(["failed", phase, error]),
    },
    liveHandler,
  );
}

function begin(given: Given = {}): ConnectAttempt {
  const attempt = create(given);
  attempt.start(given.lastReport);
  return attempt;
}

/** Comes as far as the request. */
async function dial(): Promise<VirtualLink> {
  await clock.advanceAsync(0);
  const link = new VirtualLink(clock.peers[0]!);
  link.peer.accept();
  await clock.advanceAsync(0);
  return link;
}

it("asks, dials, and hands over the open connection before its messages come", async () => {
  begin({ options: { subprotocols: ["chat"] } });
  expect(told).toEqual([]);
  const link = await dial();
  link.answer({ fields: ["Sec-WebSocket-Protocol: chat"], behind: [textFrame("first")] });
  await clock.advanceAsync(0);
  expect(told).toEqual([
    ["dialling", "ws://feed.test/?token=***"],
    ["open", "chat"],
    ["message", "first"],
  ]);
  expect(counting.openTimers).toBe(0);
  link.send(closeFrame(1000));
  link.peer.end();
  await clock.advanceAsync(0);
  expect(told.at(-1)).toBe("end");
  expect(frames).toEqual(["in 1", "in 8", "out 8"]);
  counting.assertIdle();
});

it("tells how long each step has taken", async () => {
  const attempt = begin();
  await clock.advanceAsync(0);
  const link = new VirtualLink(clock.peers[0]!);
  const steps = [
    () => link.peer.reach("dns"),
    () => link.peer.reach("tcp"),
    () => link.peer.accept(),
    () => link.answer(),
  ];
  for (const [index, step] of steps.entries()) {
    await clock.advanceAsync(10 * index);
    step();
    await clock.advanceAsync(0);
  }
  expect(openingTimes).toEqual({ dns: 10, tcp: 20, http: 30 });
  attempt.abandon();
  live!.terminate();
  await clock.advanceAsync(0);
  counting.assertIdle();
});

it("dials with the options of the connection, and the url without userinfo", async () => {
  const tls = { servername: "x" };
  const lookup = (): void => undefined;
  const options = {
    tls,
    lookup,
    localAddress: "127.0.0.2",
    socketPath: "/run/x",
    noDelay: false,
    keepAlive: 5,
  };
  begin({ url: "wss://user:secret@feed.test:8443/a?b=c", options });
  await clock.advanceAsync(0);
  const { signal, readBuffer, ...target } = clock.peers[0]!.target;
  expect(target).toEqual({
    ...options,
    createConnection: undefined,
    ...{ url: "wss://feed.test:8443/a?b=c", host: "feed.test", port: 8443, isSecure: true },
  });
  // Not within the rest: to look through a MiB takes seconds.
  expect(readBuffer).toBe(sharedResources(counting.runtime).readBuffer);
  expect(signal.aborted).toBe(false);
});

describe("a failure", () => {
  it("of the transport is told with its phase", async () => {
    begin();
    await clock.advanceAsync(0);
    const [peer] = clock.peers;
    const error = systemError("connect", "ECONNREFUSED");
    peer!.reach("tcp");
    peer!.refuse(error);
    await clock.advanceAsync(0);
    expect(told.slice(1)).toEqual([["failed", "tcp", error]]);
    expect(peer!.target.signal.aborted).toBe(true);
    counting.assertIdle();
  });

  it("to answer in time is told", async () => {
    begin({ options: { connectTimeout: 500 } });
    await dial();
    await clock.advanceAsync(500);
    expect(told[1]).toMatchObject(["failed", "http", { operation: "connect", timeoutMs: 500 }]);
    counting.assertIdle();
  });
});

describe("a function of the user's", () => {
  it("is given attempt, last report and a signal", async () => {
    const lastReport = aReport();
    const seen: unknown[] = [];
    begin({
      ...{ attempt: 7, lastReport },
      url: (context) => {
        seen.push(context);
        return "ws://feed.test/";
      },
    });
    await clock.advanceAsync(0);
    expect(seen).toMatchObject([{ attempt: 7, lastReport, signal: { aborted: false } }]);
    expect((seen[0] as { lastReport: unknown }).lastReport).toBe(lastReport);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
      new Error("mine"),
    ],
    ["rejects", () => Promise.reject(new Error("mine")), new Error("mine")],
    [
      "throws no error",
      () => {
        throw "mine" as unknown;
      },
      new Error("A function given for url, headers or subprotocols failed with 'mine'"),
    ],
    [
      "throws what cannot be shown",
      () => {
        throw Object.create(null);
      },
      new Error("A function given for url, headers or subprotocols failed with [Object: null prototype] {}"),
    ],
  ] as const)("that %s is a failed attempt, before anything is dialled", async (_what, url, error) => {
    begin({ url: url as () => string });
    await clock.advanceAsync(0);
    expect(told).toEqual([["failed", "provider", error]]);
    expect(clock.peers).toEqual([]);
    counting.assertIdle();
  });

  it("that gives rubbish is a failed attempt", async () => {
    begin({ url: () => "nonsense" });
    await clock.advanceAsync(0);
    expect(told).toEqual([["failed", "provider", expect.any(TypeError)]]);
    counting.assertIdle();
  });

  it("that never settles is given connectTimeout, and its signal is aborted", async () => {
    let signal: AbortSignal | undefined;
    begin({
      options: { connectTimeout: 500 },
      url: (context) => {
        ({ signal } = context);
        return never<string>();
      },
    });
    await clock.advanceAsync(499);
    expect([told, signal?.aborted]).toEqual([[], false]);
    await clock.advanceAsync(1);
    const [[word, phase, error]] = told as [[string, string, Error]];
    expect([word, phase, signal?.aborted]).toEqual(["failed", "provider", true]);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toMatch(/A function given for url, headers or subprotocols did not finish within 500 ms/);
    counting.assertIdle();
  });

  it.each(["resolves", "rejects"])("that %s when the attempt is over changes nothing", async (how) => {
    let settle = (): void => undefined;
    const attempt = begin({
      url: () =>
        new Promise<string>((resolve, reject) => {
          settle = () => (how === "resolves" ? resolve("ws://feed.test/") : reject(new Error("late")));
        }),
    });
    attempt.abandon(new Error("stop"));
    settle();
    await clock.advanceAsync(0);
    expect([told, clock.peers]).toEqual([[["failed", "provider", new Error("stop")]], []]);
    counting.assertIdle();
  });

  it("may give the attempt up from inside", async () => {
    const attempt = create({
      url: () => {
        attempt.abandon();
        return "ws://feed.test/";
      },
    });
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([told, clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });
});

describe("giving up", () => {
  it("before it begins lets it not begin", async () => {
    const attempt = create();
    attempt.abandon();
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([told, clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });

  it("when it is about to dial lets it not dial", async () => {
    const attempt = create();
    onDiallingCall = () => attempt.abandon();
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([told.slice(1), clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });

  it("while it dials destroys the socket, and happens once", async () => {
    const attempt = begin();
    const link = await dial();
    const reason = new Error("stop");
    attempt.abandon(reason);
    attempt.abandon(new Error("later"));
    link.answer();
    await clock.advanceAsync(0);
    expect([told.slice(1), live, link.peer.isDestroyed]).toEqual([
      [["failed", "http", reason]],
      undefined,
      true,
    ]);
    expect(link.peer.target.signal.aborted).toBe(true);
    counting.assertIdle();
  });
});

describe("holding the process", () => {
  it.each(["while a function is asked", "while it dials"])("%s", async (when) => {
    const url = when === "while it dials" ? "ws://feed.test/" : () => never<string>();
    const attempt = create({ url });
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect(clock.isHeld).toBe(true);
    attempt.unref();
    expect(clock.isHeld).toBe(false);
    attempt.ref();
    expect(clock.isHeld).toBe(true);
  });

  it("is left to others from the start where that was said before", async () => {
    const attempt = create();
    attempt.unref();
    attempt.start(undefined);
    expect(clock.isHeld).toBe(false);
    const link = await dial();
    expect(clock.isHeld).toBe(false);
    link.answer();
    await clock.advanceAsync(0);
    expect([live !== undefined, clock.isHeld]).toEqual([true, false]);
  });
});
