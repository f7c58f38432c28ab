import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FrameObserver } from "../../../protocol/index.js";
import { Redactor } from "../../../src/redaction/redactor.js";
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
import { makeReport } from "../../support/reports.js";
import { VirtualLink } from "../../support/virtual-link.js";
import { systemError } from "../../support/virtual-peer.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";
import { closeFrame, textFrame } from "../../support/wire.js";
import { never } from "../../support/never.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let calls: unknown[];
let live: LiveConnection | undefined;
let openingTimes: OpeningTimes | undefined;
let frames: string[];
/** Called by `onDialling`, if the test sets it. */
let onDiallingCall: (() => void) | undefined;

const liveHandler: LiveHandler = {
  onMessage: (data) => calls.push(["message", data]),
  isLending: false,
  onBorrowed: () => false,
  onPing: () => undefined,
  onPong: () => undefined,
  onClosing: () => undefined,
  onDrain: () => undefined,
  onError: () => undefined,
  onWithdrawn: () => undefined,
  onSampled: () => undefined,
  onLastMessages: () => false,
  onEnd: () => calls.push("end"),
};

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  calls = [];
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
      redactor: new Redactor(resolved.redact),
      observer,
    },
    {
      ...liveHandler,
      onRedirected: (shown) => calls.push(["redirected", shown]),
      onDialling: (shown) => {
        calls.push(["dialling", shown]);
        onDiallingCall?.();
      },
      onOpen: (connection, { subprotocol }, times) => {
        live = connection;
        openingTimes = times;
        calls.push(["open", subprotocol]);
      },
      onFailed: ({ phase, error }) => calls.push(["failed", phase, error]),
    },
  );
}

function begin(given: Given = {}): ConnectAttempt {
  const attempt = create(given);
  attempt.start(given.lastReport);
  return attempt;
}

/** Waits until the attempt has sent its handshake request. */
async function dial(): Promise<VirtualLink> {
  await clock.advanceAsync(0);
  const link = new VirtualLink(clock.peers[0]!);
  link.peer.accept();
  await clock.advanceAsync(0);
  return link;
}

it("resolves the URL, dials, and passes on the open connection before messages are delivered", async () => {
  begin({ options: { subprotocols: ["chat"] } });
  expect(calls).toEqual([]);
  const link = await dial();
  link.answer({ fields: ["Sec-WebSocket-Protocol: chat"], followedBy: [textFrame("first")] });
  await clock.advanceAsync(0);
  expect(calls).toEqual([
    ["dialling", "ws://feed.test/?token=***"],
    ["open", "chat"],
    ["message", "first"],
  ]);
  expect(counting.openTimers).toBe(0);
  link.send(closeFrame(1000));
  link.peer.end();
  await clock.advanceAsync(0);
  expect(calls.at(-1)).toBe("end");
  expect(frames).toEqual(["in 1", "in 8", "out 8"]);
  counting.assertIdle();
});

it("reports the duration of each phase", async () => {
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

it("dials with the options of the connection and the URL without userinfo", async () => {
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
  // Compared separately, because a deep comparison of 1 MiB takes seconds.
  expect(readBuffer).toBe(sharedResources(counting.runtime).readBuffer);
  // Only `createConnection` needs it.
  expect(signal).toBeUndefined();
});

describe("a failed attempt", () => {
  it("reports the error of the transport with its phase, and aborts the signal of its target", async () => {
    begin({ options: { createConnection: vi.fn() } });
    await clock.advanceAsync(0);
    const [peer] = clock.peers;
    expect(peer!.target.signal?.aborted).toBe(false);
    const error = systemError("connect", "ECONNREFUSED");
    peer!.reach("tcp");
    peer!.refuse(error);
    await clock.advanceAsync(0);
    expect(calls.slice(1)).toEqual([["failed", "tcp", error]]);
    expect(peer!.target.signal?.aborted).toBe(true);
    counting.assertIdle();
  });

  it("reports a TimeoutError when connectTimeout passes without a response", async () => {
    begin({ options: { connectTimeout: 500 } });
    await dial();
    await clock.advanceAsync(500);
    expect(calls[1]).toMatchObject(["failed", "http", { operation: "connect", timeoutMs: 500 }]);
    counting.assertIdle();
  });
});

describe("a provider function", () => {
  it("receives the attempt number, the last report and a signal", async () => {
    const lastReport = makeReport();
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
      "throws a value that is not an Error",
      () => {
        throw "mine" as unknown;
      },
      new Error("A function given for url, headers, subprotocols or proxy failed with 'mine'"),
    ],
    [
      "throws a value that cannot be converted to a string",
      () => {
        throw Object.create(null);
      },
      new Error(
        "A function given for url, headers, subprotocols or proxy failed with [Object: null prototype] {}",
      ),
    ],
  ] as const)("that %s fails the attempt before it dials", async (_what, url, error) => {
    begin({ url: url as () => string });
    await clock.advanceAsync(0);
    expect(calls).toEqual([["failed", "provider", error]]);
    expect(clock.peers).toEqual([]);
    counting.assertIdle();
  });

  it("that returns an invalid URL fails the attempt", async () => {
    begin({ url: () => "nonsense" });
    await clock.advanceAsync(0);
    expect(calls).toEqual([["failed", "provider", expect.any(TypeError)]]);
    counting.assertIdle();
  });

  it("that never settles fails the attempt after connectTimeout, and its signal is aborted", async () => {
    let signal: AbortSignal | undefined;
    begin({
      options: { connectTimeout: 500 },
      url: (context) => {
        ({ signal } = context);
        return never<string>();
      },
    });
    await clock.advanceAsync(499);
    expect([calls, signal?.aborted]).toEqual([[], false]);
    await clock.advanceAsync(1);
    const [[word, phase, error]] = calls as [[string, string, Error]];
    expect([word, phase, signal?.aborted]).toEqual(["failed", "provider", true]);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toMatch(
      /A function given for url, headers, subprotocols or proxy did not finish within 500 ms/,
    );
    counting.assertIdle();
  });

  it.each(["resolves", "rejects"])("that %s after the attempt has ended has no effect", async (how) => {
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
    expect([calls, clock.peers]).toEqual([[["failed", "provider", new Error("stop")]], []]);
    counting.assertIdle();
  });

  it("may abandon the attempt while it runs", async () => {
    const attempt = create({
      url: () => {
        attempt.abandon();
        return "ws://feed.test/";
      },
    });
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([calls, clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });
});

describe("abandon()", () => {
  it("prevents the attempt from starting if it is called first", async () => {
    const attempt = create();
    attempt.abandon();
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([calls, clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });

  it("prevents the dial if it is called in onDialling", async () => {
    const attempt = create();
    onDiallingCall = () => attempt.abandon();
    attempt.start(undefined);
    await clock.advanceAsync(0);
    expect([calls.slice(1), clock.peers]).toEqual([[["failed", "provider", undefined]], []]);
    counting.assertIdle();
  });

  it("destroys the socket while dialling, and has no effect a second time", async () => {
    const attempt = begin();
    const link = await dial();
    const reason = new Error("stop");
    attempt.abandon(reason);
    attempt.abandon(new Error("later"));
    link.answer();
    await clock.advanceAsync(0);
    expect([calls.slice(1), live, link.peer.isDestroyed]).toEqual([
      [["failed", "http", reason]],
      undefined,
      true,
    ]);
    expect(attempt.signal.aborted).toBe(true);
    counting.assertIdle();
  });
});

describe("ref() and unref()", () => {
  it.each(["a provider function runs", "it dials"])(
    "decide whether the process stays alive while %s",
    async (when) => {
      const url = when === "it dials" ? "ws://feed.test/" : () => never<string>();
      const attempt = create({ url });
      attempt.start(undefined);
      await clock.advanceAsync(0);
      expect(clock.isHeld).toBe(true);
      attempt.unref();
      expect(clock.isHeld).toBe(false);
      attempt.ref();
      expect(clock.isHeld).toBe(true);
    },
  );

  it("take effect if unref() is called before start()", async () => {
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
