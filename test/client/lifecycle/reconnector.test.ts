import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { ClientContext } from "../../../src/client/lifecycle/client-context.js";
import { PendingCalls } from "../../../src/client/lifecycle/pending-calls.js";
import { Reconnector, type ReconnectorHandler } from "../../../src/client/lifecycle/reconnector.js";
import { StateMachine } from "../../../src/client/lifecycle/state.js";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";
import { CloseError } from "../../../src/errors.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import type { WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import { turns } from "../../support/dialling.js";
import { EmitterScene } from "../../support/emitter-scene.js";
import { makeReport } from "../../support/reports.js";

type Options = WebSocketOptions<string, string>;

/** A client without connections: real states, calls and events, and a handler that records its calls. */
class Scene extends EmitterScene implements ReconnectorHandler {
  readonly publicClient = { name: "client" };
  readonly stopReasons = new StopReasons();
  readonly calls = new PendingCalls(this.counting.runtime, {
    isWatched: true,
    onConnectCancelled: () => undefined,
  });
  readonly states = new StateMachine(this.emitter);
  readonly reconnector: Reconnector;
  readonly hasConnected: boolean;
  attempts = 1;
  /** The answer of `connectImmediately()`. */
  isRotating = false;

  constructor(options: Options = {}, { hasConnected = true, isReferenced = true } = {}) {
    super();
    this.hasConnected = hasConnected;
    const { runtime } = this.counting;
    const backoff = { base: 1_000, jitter: false, ...options.backoff };
    const context = {
      options: resolveOptions<string, string>({ ...options, backoff, runtime }, runtime),
      ...{ publicClient: this.publicClient, stopReasons: this.stopReasons, calls: this.calls },
      ...{ states: this.states, emitter: this.emitter },
      reportError: (error: unknown) => {
        this.log.push("error");
        this.errors.push(error);
      },
      reportFunctionError: (what: string, thrown: unknown) =>
        void this.log.push(`${what} threw ${String(thrown)}`),
    } satisfies Partial<Record<keyof ClientContext, unknown>>;
    for (const state of hasConnected
      ? (["connecting", "connected", "disconnected"] as const)
      : (["connecting"] as const))
      this.states.enter(state);
    this.record("stateChange", ({ to }) => `to ${to}`);
    this.record("reconnecting", ({ attempt, delayMs }) => `reconnecting ${attempt} in ${delayMs}`);
    this.reconnector = new Reconnector(context as unknown as ClientContext, this, isReferenced);
  }

  dial(): void {
    this.log.push(`dial at ${this.clock.now()}`);
  }

  connectImmediately(): boolean {
    this.log.push("connectImmediately");
    return this.isRotating;
  }

  finish(report: CloseReport): void {
    this.log.push(`finish ${report.verdict} deciding=${this.reconnector.isDeciding}`);
  }

  endIfWaiting(): void {
    this.log.push(`endIfWaiting deciding=${this.reconnector.isDeciding}`);
  }

  /** A connection or an attempt has ended. */
  end({ isAttempt = false, ...given }: Partial<CloseReport> & { readonly isAttempt?: boolean } = {}): void {
    this.reconnector.isDeciding = true;
    this.reconnector.decide(makeReport({ verdict: "network-lost", ...given }), isAttempt);
  }
}

let scene: Scene;

function create(...given: ConstructorParameters<typeof Scene>): Scene {
  scene = new Scene(...given);
  return scene;
}

beforeEach(() => void create());

afterEach(() => {
  scene.reconnector.timer.clear();
  scene.counting.assertIdle();
});

describe("after the loss of a connection", () => {
  it("waits, reports the wait, and then dials", () => {
    scene.end();
    expect(scene.log).toEqual(["connectImmediately", "to backingOff", "reconnecting 2 in 1000"]);
    scene.clock.advance(999);
    expect(scene.log).toHaveLength(3);
    scene.clock.advance(1);
    expect(scene.log.slice(3)).toEqual(["dial at 1000"]);
  });

  it("passes the report with the event `reconnecting`", () => {
    const reports: CloseReport[] = [];
    const report = makeReport();
    scene.emitter.add("reconnecting", (event) => void reports.push(event.report), false);
    scene.reconnector.decide(report, false);
    expect(reports).toEqual([report]);
    expect(reports[0]).toBe(report);
  });

  it("publishes the wait, with the public client", () => {
    const published: unknown[] = [];
    const subscriber = (message: unknown): void => void published.push(message);
    subscribe("jetsocket:reconnect", subscriber);
    onTestFinished(() => void unsubscribe("jetsocket:reconnect", subscriber));
    const report = makeReport();
    scene.reconnector.decide(report, false);
    expect(published).toEqual([{ client: scene.publicClient, attempt: 2, delayMs: 1_000, report }]);
  });

  it("counts the next attempt from the attempts since the last open connection", () => {
    scene.attempts = 0;
    scene.end();
    expect(scene.log).toContain("reconnecting 1 in 1000");
  });

  it("reports no error, because the connection had been open", () => {
    scene.end();
    expect(scene.errors).toEqual([]);
  });

  it("does not wait if a rotation provides the next connection", () => {
    scene.isRotating = true;
    scene.end();
    scene.clock.advance(10_000);
    expect(scene.log).toEqual(["connectImmediately"]);
  });
});

describe("the end of the client", () => {
  it.each([
    ["reconnect is false", { reconnect: false }, {}],
    ["the end is not retryable", {}, { isRetryable: false }],
    ["shouldReconnect returns false", { shouldReconnect: () => false }, {}],
    ["maxAttempts is reached", { backoff: { maxAttempts: 1 } }, {}],
  ] satisfies [string, Options, Partial<CloseReport>][])("follows if %s", (_, options, report) => {
    create(options);
    scene.end(report);
    expect(scene.log).toEqual(["connectImmediately", "finish network-lost deciding=false"]);
  });

  it("follows a requested stop, without a rotation and without a call of shouldReconnect", () => {
    create({
      shouldReconnect: () => {
        throw new Error("called");
      },
    });
    scene.stopReasons.isClosed = true;
    scene.isRotating = true;
    scene.end();
    expect(scene.log).toEqual(["finish network-lost deciding=false"]);
  });

  it("is decided by the report if shouldReconnect throws, which is reported", () => {
    create({
      shouldReconnect: () => {
        throw new Error("no");
      },
    });
    scene.end({ isRetryable: false });
    expect(scene.log.slice(1)).toEqual([
      ...["The option shouldReconnect threw Error: no", "finish network-lost deciding=false"],
    ]);
  });
});

describe("after a failed attempt before the first connection", () => {
  const isAttempt = true;

  it("ends the client, because retryInitial is false by default", () => {
    create({}, { hasConnected: false });
    scene.end({ isAttempt });
    expect(scene.log.at(-1)).toBe("finish network-lost deciding=false");
  });

  it("retries with retryInitial, reports the error, and leaves connect() pending", async () => {
    create({ retryInitial: true }, { hasConnected: false });
    let outcome = "pending";
    scene.calls.connect("connect", undefined).catch(() => (outcome = "rejected"));
    scene.end({ isAttempt });
    await turns(1);
    expect(scene.log.slice(1)).toEqual(["error", "to backingOff", "reconnecting 2 in 1000"]);
    expect([outcome, scene.calls.hasConnects]).toEqual(["pending", true]);
    scene.calls.onConnected();
  });

  it("retries for a pending run(), and rejects connect() with the error that it reports", async () => {
    create({}, { hasConnected: false });
    const rejections: unknown[] = [];
    void scene.calls.run(undefined);
    scene.calls.connect("connect", undefined).catch((error: unknown) => rejections.push(error));
    const report = makeReport();
    scene.reconnector.decide(report, isAttempt);
    await turns(1);
    expect(scene.errors).toEqual([expect.any(CloseError)]);
    expect(scene.errors[0]).toMatchObject({ report });
    expect(rejections[0]).toBe(scene.errors[0]);
    expect([scene.calls.hasRuns, scene.log.at(-1)]).toEqual([true, "reconnecting 2 in 1000"]);
    scene.calls.takeEnded().settle(true, undefined, true);
  });
});

it("after a failed attempt to reconnect, reports the error, does not reject connect(), and waits longer", async () => {
  let outcome = "pending";
  scene.calls.connect("reconnect", undefined).catch(() => (outcome = "rejected"));
  scene.end();
  scene.states.enter("reconnecting");
  scene.attempts = 2;
  scene.log.length = 0;
  scene.end({ isAttempt: true });
  await turns(1);
  expect(scene.log).toEqual(["connectImmediately", "error", "to backingOff", "reconnecting 3 in 2000"]);
  expect(outcome).toBe("pending");
  scene.calls.onConnected();
});

describe("a listener that acts while the wait begins", () => {
  it("ends the client, and no timer is set, if it stops the client in `reconnecting`", () => {
    scene.emitter.add("reconnecting", () => void (scene.stopReasons.isClosed = true), false);
    scene.end();
    expect(scene.log.slice(-2)).toEqual(["reconnecting 2 in 1000", "endIfWaiting deciding=false"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("prevents the event `reconnecting` if it stops the client at the change of the state", () => {
    scene.emitter.add("stateChange", () => void (scene.stopReasons.isClosed = true), false);
    scene.end();
    expect(scene.log.slice(1)).toEqual(["to backingOff", "endIfWaiting deciding=false"]);
  });

  it.each(["stateChange", "reconnecting"] as const)("prevents the timer if it dials in %s", (name) => {
    scene.emitter.add(name, () => scene.states.enter("reconnecting"), true);
    scene.end();
    expect(scene.log.includes("reconnecting 2 in 1000")).toBe(name === "reconnecting");
    expect([scene.counting.openTimers, scene.log.includes("endIfWaiting deciding=false")]).toEqual([
      0,
      false,
    ]);
  });
});

describe("isDeciding", () => {
  it("is true until the event `reconnecting` was emitted", () => {
    const during: boolean[] = [];
    scene.emitter.add("reconnecting", () => void during.push(scene.reconnector.isDeciding), false);
    expect(scene.reconnector.isDeciding).toBe(false);
    scene.end();
    expect([during, scene.reconnector.isDeciding]).toEqual([[true], false]);
  });

  it("stays true if a rotation provides the next connection", () => {
    scene.isRotating = true;
    scene.end();
    expect(scene.reconnector.isDeciding).toBe(true);
  });
});

describe("the wait", () => {
  it("is cancelled with its timer", () => {
    scene.end();
    scene.reconnector.timer.clear();
    scene.clock.advance(10_000);
    expect([scene.log.at(-1), scene.counting.openTimers]).toEqual(["reconnecting 2 in 1000", 0]);
  });

  it("keeps the process running, until unref()", () => {
    scene.end();
    expect(scene.clock.isHeld).toBe(true);
    scene.reconnector.timer.unref();
    expect(scene.clock.isHeld).toBe(false);
    scene.reconnector.timer.ref();
    expect(scene.clock.isHeld).toBe(true);
  });

  it("does not keep the process running if the client is not referenced", () => {
    create({}, { isReferenced: false });
    scene.end();
    expect([scene.counting.openTimers, scene.clock.isHeld]).toEqual([1, false]);
  });
});

describe("the retry rule", () => {
  it("allows a retry after refused credentials only after the first connection", () => {
    const judge = (): boolean => scene.reconnector.retryStrategy.judge("auth", undefined, undefined);
    expect(judge()).toBe(true);
    create({}, { hasConnected: false });
    expect(judge()).toBe(false);
    scene.reconnector.retryStrategy.onOpen();
    expect(judge()).toBe(true);
  });

  it("starts the waits again after a connection was open for resetAfter", () => {
    create({ backoff: { resetAfter: 5_000 } });
    scene.end();
    scene.states.enter("reconnecting");
    scene.reconnector.retryStrategy.judge("network-lost", undefined, 5_000);
    scene.end();
    expect(scene.log.at(-1)).toBe("reconnecting 2 in 1000");
  });
});
