// A test fixture for whole clients against a ScriptedServer in virtual time. It records events and checks for leaks.
import { expect, onTestFinished } from "vitest";
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import {
  type EventMap,
  type EventName,
  type State,
  WebSocket,
  type WebSocketOptions,
} from "../../src/index.js";
import type { Runtime } from "../../src/runtime/runtime.js";
import { type ScriptedConnection, ScriptedServer } from "../../src/testing/index.js";
import type { TransportHandler } from "../../src/runtime/transport.js";
import { type CountingRuntime, createCountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

export type Message = string | Buffer;
export type Options = WebSocketOptions<Message, string | Uint8Array>;
type Events = EventMap<Message>;
export type Script = (connection: ScriptedConnection, n: number) => void | Promise<void>;

/** All events except `message` and `rawMessage`, whose listeners change how messages are read. */
export const watchedEvents: readonly (keyof Events)[] = [
  ...([
    "connecting",
    "connected",
    "reconnected",
    "disconnected",
    "reconnecting",
    "error",
    "stateChange",
  ] as const),
  ...([
    "ping",
    "pong",
    "closing",
    "closed",
    "gap",
    "recovered",
    "reset",
    "rotated",
    "paused",
    "resumed",
  ] as const),
  ...(["drain", "dropped"] as const),
] satisfies EventName[];

export type Watched = (typeof watchedEvents)[number];
export type Recorded = {
  [Name in Watched]: { readonly name: Name; readonly event: Events[Name]; readonly at: number };
}[Watched];

/** Accepts every client. */
export const accepting: Script = (connection) => connection.accept();

/** A client of a {@link Stage} that records its events with their times. */
export class RecordedClient {
  readonly ws: WebSocket<Message, string | Uint8Array>;
  readonly recorded: Recorded[] = [];

  constructor(now: () => number, options: Options, url: ConstructorParameters<typeof WebSocket>[0]) {
    this.ws = new WebSocket<Message, string | Uint8Array>(url, {
      deserializer: (data: Message) => data,
      ...options,
    });
    for (const name of watchedEvents)
      this.ws.on(name, (event) => void this.recorded.push({ name, event, at: now() } as Recorded));
  }

  all<Name extends Watched>(name: Name): Events[Name][] {
    return this.recorded.filter((one) => one.name === name).map(({ event }) => event as Events[Name]);
  }

  /** The times of the events of this name, in milliseconds. */
  times(name: Watched): number[] {
    return this.recorded.filter((one) => one.name === name).map(({ at }) => at);
  }

  get states(): State[] {
    return this.all("stateChange").map(({ to }) => to);
  }

  /** The names of the events in order: state changes as `to connected`, a fatal error as `error!`. */
  get story(): string[] {
    return this.recorded.map((one) => {
      if (one.name === "stateChange") return `to ${one.event.to}`;
      return one.name === "error" && one.event.isFatal ? "error!" : one.name;
    });
  }

  /** The delays before attempts, in milliseconds. */
  get delays(): number[] {
    return this.all("reconnecting").map(({ delayMs }) => delayMs);
  }

  get verdicts(): string[] {
    return this.all("disconnected").map(({ report }) => report.verdict);
  }

  /** Checks the rules for the order of events that apply to every client. */
  checkStory(): void {
    const { story } = this;
    let hasConnected = false;
    let isOpen = false;
    let isOver = false;
    for (const name of story) {
      // A failed client may start another run.
      if (isOver && name === "to connecting") [hasConnected, isOver] = [false, false];
      if (isOver && name !== "error") throw new Error(`"${name}" followed "closed": ${story.join(", ")}`);
      if (name === "connected" || name === "reconnected") {
        expect(isOpen, story.join(", ")).toBe(false);
        expect(name, story.join(", ")).toBe(hasConnected ? "reconnected" : "connected");
        [hasConnected, isOpen] = [true, true];
      }
      if (name === "to disconnected") isOpen = false;
      if (name === "closed") isOver = true;
    }
    for (const { error, isFatal } of this.all("error")) {
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).not.toMatch(/A client that is \w+ cannot become/);
      expect(typeof isFatal).toBe("boolean");
    }
  }
}

/** A scripted server in memory with its clients. finish() checks that they leave no resources. */
export class Stage {
  readonly clock: VirtualRuntime;
  readonly counting: CountingRuntime;
  readonly server: ScriptedServer;
  /** The transport handlers of the clients, so that a test can emit late transport events. */
  readonly handlers: TransportHandler[] = [];
  readonly #clients: RecordedClient[] = [];
  readonly #unhandled: unknown[] = [];
  readonly #scriptErrors: unknown[] = [];
  readonly #runtime: Runtime;

  constructor(
    script: Script = accepting,
    { seed = 1, wallStart = 0, isRecording = true, onOpen }: StageOptions = {},
  ) {
    this.server = new ScriptedServer({
      onConnection: script,
      onOpen,
      onError: (error) => void this.#scriptErrors.push(error),
    });
    this.clock = new VirtualRuntime({ server: this.server, seed, wallStart, isRecording });
    this.counting = createCountingRuntime(this.clock);
    const { runtime } = this.counting;
    this.#runtime = {
      ...runtime,
      openTransport: (target, handler) => {
        if (isRecording) this.handlers.push(handler);
        return runtime.openTransport(target, handler);
      },
    };
    process.on("unhandledRejection", this.#onUnhandled);
    onTestFinished(() => void process.off("unhandledRejection", this.#onUnhandled));
  }

  readonly #onUnhandled = (reason: unknown): void => void this.#unhandled.push(reason);

  get runtime(): Runtime {
    return this.#runtime;
  }

  createClient(
    options: Options = {},
    url: ConstructorParameters<typeof WebSocket>[0] = "ws://feed.test/trades",
  ): RecordedClient {
    const client = new RecordedClient(() => this.clock.now(), { runtime: this.#runtime, ...options }, url);
    this.#clients.push(client);
    return client;
  }

  /** Runs everything that is due within `ms` milliseconds, promises included. */
  async pass(ms: number = 0): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** A client that has called connect(), after the outcome of its first attempt. */
  async connect(options: Options = {}): Promise<RecordedClient> {
    const client = this.createClient(options);
    void client.ws.connect();
    await this.pass();
    return client;
  }

  /** The server's side of the connection that was opened last. */
  get connection(): ScriptedConnection {
    return this.server.connections.at(-1)!;
  }

  /** Ends all clients and checks that no transport, timer, callback, codec or unhandled rejection is left. */
  async finish(): Promise<void> {
    for (const { ws } of this.#clients) ws.terminate();
    await this.pass();
    await this.server.close();
    await this.pass();
    const countBefore = this.server.connectionCount;
    const recorded = this.#clients.map((client) => client.recorded.length);
    // An ended client emits and dials nothing later.
    await this.pass(3_600_000);
    expect(this.server.connectionCount).toBe(countBefore);
    expect(this.#clients.map((client) => client.recorded.length)).toEqual(recorded);
    for (const client of this.#clients) {
      client.checkStory();
      expect(client.story.filter((name) => name === "closed").length).toBeGreaterThan(0);
      expect(["closed", "failed"]).toContain(client.ws.state);
    }
    this.counting.assertIdle();
    expect(sharedResources(this.#runtime).codecs.openCount).toBe(0);
    process.off("unhandledRejection", this.#onUnhandled);
    expect(this.#unhandled).toEqual([]);
    expect(this.#scriptErrors).toEqual([]);
  }
}

export interface StageOptions {
  readonly seed?: number;
  readonly wallStart?: number;
  readonly isRecording?: boolean;
  readonly onOpen?: (connection: ScriptedConnection, n: number) => void;
}

/** The current state of a promise: "pending", its `value` or its `error`. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const pending = new Promise((resolve) => setImmediate(resolve, "pending"));
  return Promise.race([settled, pending]);
}

/** The error with which a promise has rejected. Throws when it has not rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const result = (await outcome(promise)) as
    { readonly error?: Error & { readonly code?: string } } | "pending";
  if (result === "pending" || result.error === undefined)
    throw new Error(`The promise has not rejected: ${JSON.stringify(result)}`);
  return result.error;
}

/** Waits for the error with which a promise rejects. */
export function rejectionLater(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `The promise resolved with ${String(value)}`,
    (error: unknown) => error,
  );
}
