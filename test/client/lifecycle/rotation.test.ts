import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientConnectionEnd } from "../../../src/client/connection/client-connection.js";
import type { ClientContext } from "../../../src/client/lifecycle/client-context.js";
import { Rotation, type RotationHandler } from "../../../src/client/lifecycle/rotation.js";
import { Leftovers } from "../../../src/client/receiving/leftovers.js";
import type { ConnectionEnd } from "../../../src/connection/connection-end.js";
import { TimeoutError } from "../../../src/errors.js";
import type { WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { turns } from "../../support/dialling.js";
import { FakeConnection } from "../../support/fake-connection.js";
import { makeEnd } from "../../support/reports.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

type Connection = FakeConnection<FakeLive>["client"];
type Options = WebSocketOptions<string, string>;

let log: string[];

/** Rejects the flushes that a test leaves pending; has no effect on settled ones. */
const pendingFlushes: ((error: Error) => void)[] = [];

afterEach(() => {
  for (const reject of pendingFlushes.splice(0)) reject(new Error("the test has ended"));
});

/** The open connection of a {@link RotatedConnection}. The test settles its flush. */
class FakeLive {
  readonly name: string;
  isClosing = false;
  isDrainPending = false;
  hasLeftover = false;
  unsent: string[] = [];
  readonly queue = this;
  readonly #flushes: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#flushes.push({ resolve, reject });
      pendingFlushes.push(reject);
    });
  }

  async flushed(): Promise<void> {
    for (const { resolve } of this.#flushes.splice(0)) resolve();
    await turns(1);
  }

  async flushFailed(): Promise<void> {
    for (const { reject } of this.#flushes.splice(0)) reject(new Error("lost"));
    await turns(1);
  }

  takeBack(): readonly { readonly data: string; readonly token: undefined }[] {
    return this.unsent.map((data) => ({ data, token: undefined }));
  }

  resumeLeftover(): void {
    log.push(`${this.name} delivers leftovers`);
    this.hasLeftover = false;
  }
}

class RotatedConnection extends FakeConnection<FakeLive> {
  isRotated = false;

  constructor(name: string) {
    super(name, log);
  }

  override open(number: number): FakeLive {
    return super.open(number, new FakeLive(this.name));
  }

  close({ code, reason }: { readonly code: number; readonly reason: string }): void {
    log.push(`${this.name} closes ${code} ${reason}${this.isRotated ? " as rotated" : ""}`);
    this.live!.isClosing = true;
  }

  terminate(): void {
    log.push(`${this.name} terminates`);
  }

  enterStandby(): void {
    log.push(`${this.name} enters standby`);
  }

  leaveStandby(): void {
    log.push(`${this.name} leaves standby`);
  }
}

const nameOf = (connection: unknown): string => (connection as RotatedConnection).name;

/** Its random numbers are in the middle of their range. */
class HalfwayRuntime extends VirtualRuntime {
  override random(): number {
    return 0.5;
  }
}

/** A client whose current connection is `first`; `log` contains the calls that the rotation makes. */
class Scene implements RotationHandler {
  readonly clock = new HalfwayRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly first = new RotatedConnection("first");
  readonly second = new RotatedConnection("second");
  readonly created = [this.second, new RotatedConnection("third"), new RotatedConnection("fourth")];
  readonly stopReasons = { isStopping: false };
  readonly rotation: Rotation;
  readonly leftovers: Leftovers;
  readonly errors: unknown[] = [];
  readonly failure = new Error("the attempt failed");
  currentConnection: RotatedConnection | undefined = this.first;
  isConsumerPaused = false;
  duplicates = 0;

  constructor(options: Options = {}) {
    this.leftovers = new Leftovers({ isPaused: () => this.isConsumerPaused, onDelivered: () => undefined });
    const hub = {
      inbound: {
        beginOverlap: (number: number, maxWaiting: number) => log.push(`overlap of ${number}, ${maxWaiting}`),
        endOverlap: () => {
          log.push("end overlap");
          return this.duplicates;
        },
        cancelOverlap: () => log.push("cancel overlap"),
        onConnectionEnd: (number: number) => log.push(`inbound end of ${number}`),
      },
      sender: {
        hold: () => log.push("hold"),
        move: (unsent: readonly { readonly data: string }[], live: FakeLive, isDrainPending: boolean) => {
          const texts = unsent.map(({ data }) => data).join();
          log.push(`move [${texts}] to ${live.name}${isDrainPending ? ", drain pending" : ""}`);
        },
        resume: (live: FakeLive) => log.push(`send on ${live.name}`),
      },
      leftovers: this.leftovers,
      onHookUnsent: (data: string) => log.push(`unsent ${data} of a hook`),
    };
    const { runtime } = this.counting;
    const context = {
      options: resolveOptions<string, string>({ ...options, runtime }, runtime),
      hub,
      stopReasons: this.stopReasons,
      reportError: (error: unknown) => this.errors.push(error),
    } satisfies Partial<Record<keyof ClientContext, unknown>>;
    this.rotation = new Rotation(context as unknown as ClientContext, this);
    this.first.open(1);
  }

  createConnection(): Connection {
    return this.created.shift()!.client;
  }

  start(connection: Connection): void {
    log.push(`start ${nameOf(connection)}`);
  }

  get connection(): Connection | undefined {
    return this.currentConnection?.client;
  }

  promote(connection: Connection): void {
    log.push(`promote ${nameOf(connection)}`);
    this.currentConnection = connection as unknown as RotatedConnection;
  }

  replace(reason: string): void {
    log.push(`replace ${reason}`);
  }

  retire(connection: Connection): unknown {
    log.push(`retire ${nameOf(connection)}`);
    return this.failure;
  }

  onRotated(overlapMs: number, duplicates: number): void {
    log.push(`rotated ${overlapMs} ms, ${duplicates} duplicates`);
  }

  /** Begins a rotation with overlap. @returns the outcome of the call, which is empty while it is pending. */
  rotate(mode: "overlap" | "replace" = "overlap", timeout?: number): unknown[] {
    const outcome: unknown[] = [];
    this.rotation.rotate(mode, "why", { timeout }).then(
      () => outcome.push("resolved"),
      (error: unknown) => outcome.push(error),
    );
    return outcome;
  }

  /** The second connection is open and set up. */
  ready(): boolean {
    this.second.open(2);
    return this.rotation.onReady(this.second.client);
  }

  /** Advances to the phase `moving`. */
  moving(): unknown[] {
    const outcome = this.rotate();
    this.ready();
    log.length = 0;
    return outcome;
  }

  /** Advances to the phase `draining`. */
  draining(): unknown[] {
    const outcome = this.moving();
    this.rotation.move();
    log.length = 0;
    return outcome;
  }

  /** @returns the result of `onEnd()`: whether the rotation handled the end. */
  end(connection: RotatedConnection, given: Partial<ConnectionEnd> = {}): boolean {
    return this.rotation.onEnd(connection.client, { kind: "open", end: makeEnd(given) });
  }

  /** The attempt of the second connection failed. */
  fail(connection: RotatedConnection = this.second): boolean {
    const end: ClientConnectionEnd = { kind: "unopened", phase: "tcp", error: this.failure };
    return this.rotation.onEnd(connection.client, end);
  }

  get others(): string[] {
    return this.rotation.otherConnections.map(nameOf);
  }
}

const replay: Options["replay"] = { sequence: () => undefined };
const aged: Options = { maxConnectionAge: 60_000, rotation: { mode: "overlap", jitter: 0 } };
/** `scene.rotation` moves when the first connection has written its messages. */
const moved = ["move [] to second", "promote second"];

let scene: Scene;

function create(options?: Options): Scene {
  scene = new Scene(options);
  return scene;
}

beforeEach(() => {
  log = [];
  create();
});

afterEach(() => {
  scene.rotation.end(new Error("over"));
  scene.counting.assertIdle();
});

describe("rotate()", () => {
  it("starts a second connection, while the first one stays the current one", () => {
    scene.rotate();
    expect(log).toEqual(["start second"]);
    expect([scene.others, scene.rotation.isReplacing]).toEqual([["second"], false]);
  });

  it("joins a rotation that is in progress, and all calls resolve with it", async () => {
    const outcomes = [scene.rotate(), scene.rotate(), scene.rotate("replace")];
    scene.ready();
    await scene.first.live!.flushed();
    expect([log.filter((call) => call.startsWith("start")), outcomes]).toEqual([
      ["start second"],
      [[], [], []],
    ]);
    scene.end(scene.first);
    await turns(1);
    expect(outcomes).toEqual([["resolved"], ["resolved"], ["resolved"]]);
  });

  it("rejects with the reason of an aborted signal, and starts nothing", async () => {
    const signal = AbortSignal.abort("stop");
    await expect(scene.rotation.rotate("overlap", "why", { signal })).rejects.toBe("stop");
    expect(log).toEqual([]);
  });

  it("rejects after its timeout, and the rotation continues", async () => {
    const outcome = scene.rotate("overlap", 50);
    scene.clock.advance(50);
    scene.ready();
    await scene.first.live!.flushed();
    expect(outcome).toEqual([expect.any(TimeoutError)]);
    expect(log).toContain("promote second");
  });

  it.each([
    ["while no connection is open", (): void => void (scene.currentConnection = undefined)],
    ["while the current connection closes", (): void => void (scene.first.live!.isClosing = true)],
    ["before the current attempt has opened", (): void => void (scene.first.live = undefined)],
  ])("starts nothing %s, and resolves with the next connection", async (_, prepare) => {
    prepare();
    const outcome = scene.rotate();
    await turns(1);
    expect([log, outcome]).toEqual([[], []]);
    scene.rotation.onConnected();
    await turns(1);
    expect(outcome).toEqual(["resolved"]);
  });
});

describe('rotate() with the mode "replace"', () => {
  it("closes the current connection, and resolves when the next one is open", async () => {
    const outcome = scene.rotate("replace");
    expect([log, scene.others, scene.rotation.isReplacing]).toEqual([["replace why"], [], true]);
    expect([scene.rotation.beginRedialling(), scene.rotation.isReplacing]).toEqual([true, true]);
    await turns(1);
    expect(outcome).toEqual([]);
    scene.rotation.onConnected();
    await turns(1);
    expect([log.at(-1), outcome]).toEqual(["rotated 0 ms, 0 duplicates", ["resolved"]]);
    expect(scene.rotation.isReplacing).toBe(false);
  });

  it("allows one connection without a wait", () => {
    expect(scene.rotation.beginRedialling()).toBe(false);
    scene.rotate("replace");
    expect([scene.rotation.beginRedialling(), scene.rotation.beginRedialling()]).toEqual([true, false]);
  });

  it("does not handle the end of the connection itself", () => {
    scene.rotate("replace");
    expect(scene.end(scene.first)).toBe(false);
  });
});

describe("the second connection", () => {
  it("buffers its messages when it is ready, and messages to send wait", () => {
    create({ rotation: { mode: "overlap", maxWaiting: 7 } });
    scene.rotate();
    expect(scene.ready()).toBe(true);
    expect(log.slice(1)).toEqual(["overlap of 2, 7", "hold"]);
  });

  it("is the only connection that onReady() accepts, and only once", () => {
    expect(scene.rotation.onReady(scene.first.client)).toBe(false);
    scene.rotate();
    expect(scene.rotation.onReady(scene.first.client)).toBe(false);
    expect([scene.ready(), scene.ready()]).toEqual([true, false]);
  });

  it.each([
    ["the first one is closing", (): void => void (scene.first.live!.isClosing = true)],
    ["the client is stopping", (): void => void (scene.stopReasons.isStopping = true)],
  ])("waits on standby if %s when it becomes ready", (_, prepare) => {
    scene.rotate();
    prepare();
    expect(scene.ready()).toBe(true);
    expect(log.slice(1)).toEqual(["second enters standby"]);
  });

  it("pauses when its buffer is full, until the first connection has ended", () => {
    scene.draining();
    scene.rotation.onFull();
    expect(log).toEqual(["second pauses overlap"]);
    scene.end(scene.first);
    expect(log).toContain("second resumes overlap");
  });
});

describe("the move", () => {
  it("happens when the first connection has written its messages, and closes it", async () => {
    scene.moving();
    scene.first.live!.unsent = ["a", "b"];
    scene.first.live!.isDrainPending = true;
    await scene.first.live!.flushed();
    expect(log).toEqual([
      ...["move [a,b] to second, drain pending", "promote second"],
      "first closes 1000 why as rotated",
    ]);
  });

  it("happens after `overlap` at the latest", () => {
    create({ rotation: { mode: "overlap", overlap: 2_000 } });
    scene.moving();
    scene.clock.advance(1_999);
    expect(log).toEqual([]);
    scene.clock.advance(1);
    expect(log.slice(0, 2)).toEqual(moved);
  });

  it("does not happen if the first connection is lost before it has written its messages", async () => {
    scene.moving();
    await scene.first.live!.flushFailed();
    expect(log).toEqual([]);
  });

  it("happens once", async () => {
    scene.moving();
    scene.rotation.move();
    scene.rotation.move();
    await scene.first.live!.flushed();
    expect(log.filter((call) => call === "promote second")).toHaveLength(1);
  });

  it("is not possible before the second connection is ready", () => {
    scene.rotate();
    scene.rotation.move();
    expect(log).toEqual(["start second"]);
  });
});

describe("the first connection with the option `replay`", () => {
  beforeEach(() => void create({ replay, rotation: { overlap: 2_000 } }));

  it("stays open after the move until it has caught up", () => {
    scene.moving();
    scene.rotation.move();
    expect(log).toEqual(moved);
    scene.rotation.onCaughtUp();
    expect(log.slice(2)).toEqual(["first closes 1000 why as rotated"]);
  });

  it("closes at the move if it caught up before", () => {
    scene.moving();
    scene.rotation.onCaughtUp();
    expect(log).toEqual([]);
    scene.rotation.move();
    expect(log).toEqual([...moved, "first closes 1000 why as rotated"]);
  });

  it("closes after `overlap`, counted from the time at which the second one was ready", () => {
    scene.moving();
    scene.clock.advance(500);
    scene.rotation.move();
    scene.clock.advance(1_499);
    expect(log).toEqual(moved);
    scene.clock.advance(1);
    expect(log.at(-1)).toBe("first closes 1000 why as rotated");
  });

  it("must catch up again in the next rotation", () => {
    scene.moving();
    scene.rotation.onCaughtUp();
    scene.rotation.move();
    scene.end(scene.first);
    scene.rotate();
    const [third] = scene.rotation.otherConnections as unknown as RotatedConnection[];
    third!.open(3);
    scene.rotation.onReady(third!.client);
    scene.rotation.move();
    expect(log.slice(-2)).toEqual(["move [] to third", "promote third"]);
  });
});

describe("isLeaving()", () => {
  it("is true for the first connection while the second one is ready", () => {
    const isLeaving = (): boolean[] =>
      [scene.first, scene.second].map(({ client }) => scene.rotation.isLeaving(client));
    expect(isLeaving()).toEqual([false, false]);
    scene.rotate();
    expect(isLeaving()).toEqual([false, false]);
    scene.ready();
    expect(isLeaving()).toEqual([true, false]);
    scene.rotation.move();
    expect(isLeaving()).toEqual([true, false]);
    scene.end(scene.first);
    expect(isLeaving()).toEqual([false, false]);
  });
});

describe("the end of the first connection", () => {
  it("completes the rotation after the move", async () => {
    const outcome = scene.moving();
    scene.clock.advance(120);
    scene.rotation.move();
    log.length = 0;
    scene.duplicates = 3;
    expect(scene.end(scene.first)).toBe(true);
    expect(log).toEqual([
      ...["retire first", "end overlap", "inbound end of 1", "second resumes overlap"],
      "rotated 120 ms, 3 duplicates",
    ]);
    await turns(1);
    expect([outcome, scene.others, scene.counting.openTimers]).toEqual([["resolved"], [], 0]);
  });

  it("before the move, moves the unsent messages of the end", () => {
    scene.moving();
    const unsent = [{ data: "a", token: undefined }];
    expect(scene.end(scene.first, { unsent, isDrainPending: true })).toBe(true);
    expect(log.slice(0, 3)).toEqual([
      ...["move [a] to second, drain pending", "promote second", "retire first"],
    ]);
    expect(log.at(-1)).toBe("rotated 0 ms, 0 duplicates");
  });

  it("delivers its undecoded messages before those of the second one; only rotate() does not wait for them", async () => {
    const outcome = scene.draining();
    scene.isConsumerPaused = true;
    scene.first.live!.hasLeftover = true;
    scene.end(scene.first);
    await turns(1);
    expect([log, outcome]).toEqual([["retire first"], ["resolved"]]);
    scene.isConsumerPaused = false;
    scene.leftovers.deliver();
    expect(log.slice(1, 3)).toEqual(["first delivers leftovers", "end overlap"]);
    expect(log.at(-1)).toMatch(/^rotated/);
  });

  it("reports no rotation while the client stops", () => {
    scene.draining();
    scene.stopReasons.isStopping = true;
    scene.end(scene.first);
    expect(log.at(-1)).toBe("second resumes overlap");
  });

  it("before the second one is ready, is a loss that the second one replaces", () => {
    scene.rotate();
    expect(scene.end(scene.first)).toBe(false);
    expect(scene.rotation.takeSecond()).toBe(scene.second.client);
    expect([scene.others, log]).toEqual([[], ["start second"]]);
    expect(scene.rotation.takeSecond()).toBeUndefined();
  });

  it("releases a second one on standby if the client stops", () => {
    scene.rotate();
    scene.stopReasons.isStopping = true;
    scene.ready();
    expect(scene.end(scene.first)).toBe(false);
    expect(log.at(-1)).toBe("second leaves standby");
  });

  it("abandons the move if the client stops, and the second connection is no longer a part of a rotation", () => {
    scene.moving();
    scene.stopReasons.isStopping = true;
    expect(scene.end(scene.first)).toBe(false);
    expect([log, scene.others]).toEqual([["end overlap"], ["second"]]);
    expect(scene.end(scene.second)).toBe(true);
    expect(log.slice(1)).toEqual(["retire second", "inbound end of 2"]);
    expect(scene.others).toEqual([]);
  });

  it("while the client stops, delivers its undecoded messages before those of the second one", () => {
    scene.moving();
    scene.stopReasons.isStopping = true;
    scene.isConsumerPaused = true;
    scene.first.live!.hasLeftover = true;
    scene.end(scene.first);
    expect(log).toEqual([]);
    scene.isConsumerPaused = false;
    scene.leftovers.deliver();
    expect(log).toEqual(["first delivers leftovers", "end overlap"]);
  });
});

describe("takeSecond()", () => {
  it("returns nothing unless the second connection is being opened", () => {
    expect(scene.rotation.takeSecond()).toBeUndefined();
    scene.moving();
    expect(scene.rotation.takeSecond()).toBeUndefined();
    scene.rotation.move();
    expect(scene.rotation.takeSecond()).toBeUndefined();
  });
});

describe("the end of the second connection", () => {
  it("before it is ready, rejects the calls with the error of its end and keeps the first one", async () => {
    const outcome = scene.rotate();
    expect(scene.fail()).toBe(true);
    await turns(1);
    expect(outcome).toEqual([scene.failure]);
    expect([log.slice(1), scene.errors, scene.others]).toEqual([["retire second"], [], []]);
    scene.rotate();
    expect(log.at(-1)).toBe("start third");
  });

  it("before it is ready, is reported as an error if no call waits for it", async () => {
    create(aged);
    const outcome = scene.rotate();
    scene.fail();
    scene.rotate("overlap", 50);
    scene.clock.advance(50);
    const [third] = scene.rotation.otherConnections as unknown as RotatedConnection[];
    scene.fail(third);
    await turns(1);
    expect([outcome, scene.errors]).toEqual([[scene.failure], [scene.failure]]);
  });

  it("before the move, delivers its messages and sends on the first one again", () => {
    scene.moving();
    const unsent = [{ data: "a", token: undefined }];
    expect(scene.end(scene.second, { unsent })).toBe(true);
    expect(log).toEqual(["cancel overlap", "unsent a of a hook", "send on first", "retire second"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("after the move, is a loss that the supervisor handles, while the first one closes", async () => {
    create({ replay });
    const outcome = scene.draining();
    expect(scene.end(scene.second)).toBe(false);
    expect([log, scene.others]).toEqual([["first closes 1000 why as rotated"], ["first"]]);
    await turns(1);
    expect(outcome).toEqual(["resolved"]);
    scene.currentConnection = undefined;
    expect(scene.end(scene.first)).toBe(true);
    expect(log.slice(1)).toEqual(["retire first", "end overlap", "inbound end of 1"]);
    expect(scene.others).toEqual([]);
  });

  it("before the move, delivers its undecoded messages before newer ones of the first one", () => {
    scene.moving();
    scene.isConsumerPaused = true;
    scene.second.live!.hasLeftover = true;
    scene.end(scene.second);
    expect(scene.leftovers.isPending).toBe(true);
  });

  it("after the move, delivers the undecoded messages of the first one before those that the second one received", () => {
    scene.draining();
    scene.end(scene.second);
    log.length = 0;
    scene.isConsumerPaused = true;
    scene.first.live!.hasLeftover = true;
    scene.end(scene.first);
    expect(log).toEqual(["retire first", "inbound end of 1"]);
    scene.isConsumerPaused = false;
    scene.leftovers.deliver();
    expect(log.slice(2)).toEqual(["first delivers leftovers", "end overlap"]);
  });

  it("after the move, terminates the first one when the next connection is open", () => {
    scene.draining();
    scene.end(scene.second);
    log.length = 0;
    scene.rotation.onConnected();
    expect(log).toEqual(["first terminates", "end overlap"]);
    scene.end(scene.first);
    expect(log.slice(2)).toEqual(["retire first", "inbound end of 1"]);
  });

  it("while messages of the ended first one wait, ends the overlap after them", () => {
    scene.draining();
    scene.isConsumerPaused = true;
    scene.first.live!.hasLeftover = true;
    scene.end(scene.first);
    expect(scene.end(scene.second)).toBe(false);
    expect(log).toEqual(["retire first"]);
    scene.isConsumerPaused = false;
    scene.leftovers.deliver();
    expect(log.slice(1)).toEqual(["first delivers leftovers", "end overlap"]);
  });

  it("rejects no call while the client stops; they wait for the end of the client", async () => {
    const outcome = scene.rotate();
    scene.stopReasons.isStopping = true;
    scene.fail();
    await turns(1);
    expect([outcome, scene.errors]).toEqual([[], []]);
    const error = new Error("closed");
    scene.rotation.end(error);
    await turns(1);
    expect(outcome).toEqual([error]);
  });
});

it("does not handle the end of a connection that belongs to no rotation", () => {
  expect(scene.end(scene.first)).toBe(false);
  scene.rotate();
  expect(scene.end(new RotatedConnection("other"))).toBe(false);
});

describe("maxConnectionAge", () => {
  const starts = (): number => log.filter((call) => call.startsWith("start")).length;

  it("starts a rotation at this age, with the reason `age`", () => {
    create(aged);
    scene.rotation.onConnected();
    scene.clock.advance(59_999);
    expect(log).toEqual([]);
    scene.clock.advance(1);
    expect(log).toEqual(["start second"]);
    scene.ready();
    scene.rotation.move();
    expect(log.at(-1)).toBe("first closes 1000 age as rotated");
  });

  it("uses the mode of the option `rotation`", () => {
    create({ maxConnectionAge: 60_000, rotation: { jitter: 0 } });
    scene.rotation.onConnected();
    scene.clock.advance(60_000);
    expect(log).toEqual(["replace age"]);
  });

  it("is shortened by a random part of at most `jitter`", () => {
    create({ maxConnectionAge: 60_000, rotation: { jitter: 0.2 } });
    scene.rotation.onConnected();
    scene.clock.advance(53_999);
    expect(log).toEqual([]);
    scene.clock.advance(1);
    expect(log).toEqual(["replace age"]);
  });

  it("does not keep the process running", () => {
    create(aged);
    scene.rotation.onConnected();
    expect([scene.counting.openTimers, scene.clock.isHeld]).toEqual([1, false]);
    scene.rotate();
    scene.ready();
    expect([scene.counting.openTimers, scene.clock.isHeld]).toEqual([1, false]);
  });

  it("sets no timer without the option, or while the client stops", () => {
    scene.rotation.onConnected();
    expect(scene.counting.openTimers).toBe(0);
    create(aged);
    scene.stopReasons.isStopping = true;
    scene.rotation.onConnected();
    expect(scene.counting.openTimers).toBe(0);
  });

  it("counts again from the end of a rotation", () => {
    create(aged);
    scene.rotation.onConnected();
    scene.clock.advance(30_000);
    scene.draining();
    scene.end(scene.first);
    scene.clock.advance(59_999);
    expect(starts()).toBe(0);
    scene.clock.advance(1);
    expect(log.at(-1)).toBe("start third");
  });

  it.each(["stopTimers", "beginClosing"] as const)("is stopped by %s()", (call) => {
    create(aged);
    scene.rotation.onConnected();
    scene.rotation[call]();
    expect(scene.counting.openTimers).toBe(0);
  });

  it("reports each failure, and tries again with increasing delays until a rotation succeeds", () => {
    create({ ...aged, backoff: { base: 1_000, jitter: false } });
    const { created } = scene;
    created.push(new RotatedConnection("fifth"), new RotatedConnection("sixth"));
    const all = [...created];
    scene.rotation.onConnected();
    scene.clock.advance(60_000);
    for (const [index, delay] of [1_000, 2_000].entries()) {
      scene.fail(all[index]);
      scene.clock.advance(delay - 1);
      expect(starts()).toBe(index + 1);
      scene.clock.advance(1);
      expect(starts()).toBe(index + 2);
    }
    expect(scene.errors).toEqual([scene.failure, scene.failure]);
    all[2]!.open(3);
    scene.rotation.onReady(all[2]!.client);
    scene.rotation.move();
    scene.end(scene.first);
    scene.clock.advance(60_000);
    scene.fail(all[3]);
    scene.clock.advance(999);
    expect(log.at(-1)).toBe("retire fifth");
    scene.clock.advance(1);
    expect(log.at(-1)).toBe("start sixth");
  });

  it("does not try again if the first connection is no longer ready", () => {
    create(aged);
    scene.rotation.onConnected();
    scene.clock.advance(60_000);
    scene.first.isReady = false;
    scene.fail();
    expect([scene.errors, scene.counting.openTimers]).toEqual([[scene.failure], 0]);
  });
});

describe("the end of the client", () => {
  it("moves before the connections close", () => {
    scene.moving();
    scene.rotation.beginClosing();
    expect(log.slice(0, 2)).toEqual(moved);
  });

  it("stops the timer of the overlap when the connections are terminated", () => {
    scene.moving();
    scene.rotation.stopTimers();
    expect([log, scene.counting.openTimers]).toEqual([[], 0]);
  });

  it("rejects the pending calls, and no timer is left", async () => {
    const outcome = scene.moving();
    const error = new Error("closed");
    scene.rotation.end(error);
    await turns(1);
    expect([outcome, scene.others, scene.counting.openTimers]).toEqual([[error], [], 0]);
  });

  it("leaves the next run without a connection of this one", () => {
    scene.draining();
    scene.end(scene.second);
    scene.rotation.end(new Error("closed"));
    log.length = 0;
    scene.rotation.onConnected();
    expect(log).toEqual([]);
  });
});
