import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStateError } from "../../src/client/lifecycle/state.js";
import { MessageHub, type MessageHubClient } from "../../src/client/message-hub.js";
import { type InvalidStateError, JetSocketError, ProtocolError } from "../../src/errors.js";
import type { EventMap, State } from "../../src/events/event-map.js";
import type { WebSocketOptions } from "../../src/options/options.js";
import { resolveOptions } from "../../src/options/resolve-options.js";
import { Statistics } from "../../src/stats/statistics.js";
import { FakeConnection } from "../support/fake-connection.js";
import { EmitterScene } from "../support/emitter-scene.js";
import { never } from "../support/never.js";

type Options = WebSocketOptions<string, string>;
type Events = EventMap<unknown>;

let log: string[];

/** The open connection of a {@link HubConnection}; its leftovers are `messages`. */
class FakeLive {
  readonly queue = this;
  isClosing = false;
  messages: string[] = [];
  onLeftover: ((text: string) => void) | undefined;

  get hasLeftover(): boolean {
    return this.messages.length > 0;
  }

  resumeLeftover(): void {
    for (const message of this.messages.splice(0)) this.onLeftover?.(message);
  }

  pauseLeftover(): void {
    log.push("leftovers pause");
  }

  dropLeftover(): void {
    for (const message of this.messages.splice(0)) log.push(`leftover ${message} dropped`);
  }

  fail(error: Error): void {
    expect(error).toBeInstanceOf(ProtocolError);
    log.push(`fails: ${error.message}`);
  }

  send(data: unknown, options: unknown): Promise<void> {
    log.push(`send ${String(data)} ${JSON.stringify(options)}`);
    return Promise.resolve();
  }

  sendAccepted(data: unknown): void {
    log.push(`send ${String(data)}`);
  }

  ping(payload: Uint8Array): Promise<number> {
    log.push(`ping ${Buffer.from(payload).toString("hex")}`);
    return Promise.resolve(1);
  }

  sendHeartbeatPing(payload: Uint8Array): void {
    log.push(`ping ${Buffer.from(payload).toString("hex")}`);
  }
}

class HubConnection extends FakeConnection<FakeLive> {
  readonly url = "ws://feed.test/";
  readonly accepted = { subprotocol: "chat", shownSubprotocol: "chat", extensions: "" };
  hook: { readonly publicConnection: unknown } | undefined;

  constructor(number: number) {
    super(String(number), log);
    this.open(number, new FakeLive());
  }
}

class Scene extends EmitterScene implements MessageHubClient {
  readonly publicClient = {};
  readonly options: MessageHubClient["options"];
  readonly statistics = new Statistics();
  readonly first: HubConnection;
  readonly second: HubConnection;
  readonly hub: MessageHub;
  readonly state: State = "connected";
  readonly isAccepting = true;
  isSettled = false;

  constructor(given: Options = {}) {
    super();
    log = this.log;
    this.first = new HubConnection(1);
    this.second = new HubConnection(2);
    const { runtime } = this.counting;
    this.options = resolveOptions<string, string>(
      { deserializer: (data) => data.toString(), serializer: (value) => `<${value}>`, runtime, ...given },
      runtime,
    );
    this.hub = new MessageHub(this);
  }

  connections(): ReturnType<MessageHubClient["connections"]> {
    return [this.first.client, this.second.client];
  }

  reportError(error: unknown): void {
    log.push("error");
    this.errors.push(error);
  }

  redacted<Thrown>(error: Thrown): Thrown {
    log.push("redacted");
    return error;
  }

  reportFunctionError(what: string, thrown: unknown): void {
    log.push(`${what} threw ${String(thrown)}`);
  }

  warnUnhandled(): void {
    log.push("warning: unhandled");
  }

  warnUndecodable(): void {
    log.push("warning: undecodable");
  }

  stateError(operation: string): InvalidStateError {
    return createStateError(this.state, operation);
  }

  onPaused(): void {
    log.push("paused");
  }

  onResumed(): void {
    log.push("resumed");
  }

  onIdleWait(change: number): void {
    log.push(`idle wait ${change}`);
  }

  on<Name extends keyof Events>(name: Name, describe: (event: Events[Name]) => string): this {
    this.record(name, (event) => `${name} ${describe(event)}`);
    this.hub.dispatcher.onListenerAdded();
    return this;
  }

  receive(connection: HubConnection, ...texts: readonly string[]): void {
    for (const text of texts)
      this.hub.inbound.receive(connection.number, text, text.length, this.clock.now());
  }

  /** `connection` has ended and has undecoded messages. */
  leave(connection: HubConnection, ...messages: readonly string[]): void {
    const live = connection.live!;
    live.messages = [...messages];
    live.onLeftover = (text) => this.receive(connection, text);
    this.hub.leftovers.add(live as never);
  }

  get stats(): ReturnType<Statistics["snapshot"]> {
    return this.statistics.snapshot([], {} as never);
  }
}

let scene: Scene;

function create(options?: Options): Scene {
  scene = new Scene(options);
  return scene;
}

beforeEach(() => void create());

afterEach(() => {
  scene.hub.inbound.stop();
  scene.hub.dispatcher.finish({ iteratorError: undefined, recvError: undefined }, true);
  scene.clock.advance(0);
  scene.counting.assertIdle();
});

const dataOf = ({ data }: Events["message"]): string => String(data);
const dropOf = ({ direction, message, cause }: Events["dropped"]): string =>
  `${direction} ${String(message)} ${cause}`;
const pongOf = ({ payload, latencyMs }: Events["pong"]): string => `[${payload.toString()}] ${latencyMs}`;

describe("a received message", () => {
  it("is counted with its size and delivered", () => {
    scene.on("message", dataOf).receive(scene.first, "abc", "d");
    expect(log).toEqual(["message abc", "message d"]);
    expect(scene.stats).toMatchObject({ messagesReceived: 2, payloadBytesReceived: 4 });
  });

  it("is not accepted or counted as a borrowed view if a consumer needs a copy", () => {
    scene.on("message", dataOf);
    expect(scene.hub.onBorrowed(Buffer.from("abc"), false)).toBe(false);
    expect([log, scene.stats.messagesReceived]).toEqual([[], 0]);
  });

  it("is counted and emitted as a borrowed view if all consumers accept one", () => {
    scene.hub.dispatcher.listeners.addBorrowed(
      ({ data, isBinary }) => void log.push(`view ${data.toString()} ${isBinary}`),
    );
    expect(scene.hub.onBorrowed(Buffer.from("abc"), true)).toBe(true);
    expect(log).toEqual(["view abc true"]);
    expect(scene.stats).toMatchObject({ messagesReceived: 1, payloadBytesReceived: 3 });
  });
});

describe("a dropped message", () => {
  it("is counted and emitted", () => {
    scene.on("dropped", dropOf);
    scene.hub.onUnsent("a", "expired");
    scene.hub.onHookUnsent("b");
    scene.hub.onDiscarded("c");
    expect(log).toEqual(["dropped out a expired", "dropped out b unsent", "dropped in c closed"]);
    expect(scene.stats.messagesDropped).toBe(3);
  });

  it("is only counted after `closed` was emitted, if the end of the client is the cause", () => {
    scene.on("dropped", dropOf);
    scene.isSettled = true;
    scene.hub.onDiscarded("a");
    expect([log, scene.stats.messagesDropped]).toEqual([[], 1]);
  });
});

describe("a message that cannot be decoded", () => {
  const error = new JetSocketError("no", { code: "DECODE_FAILED" });

  it("is emitted as dropped, then reported as an error", () => {
    scene.on("dropped", dropOf);
    scene.hub.onUndecodable("bad", error);
    expect([log, scene.errors]).toEqual([["dropped in bad decode", "error"], [error]]);
  });

  it("is counted and causes one process warning, but no event, after `closed`", () => {
    for (const name of ["error", "dropped"] as const) scene.emitter.add(name, () => undefined, true);
    scene.on("dropped", dropOf);
    scene.isSettled = true;
    scene.hub.onUndecodable("bad", error);
    scene.hub.onUndecodable("bad", error);
    expect([log, scene.errors]).toEqual([["warning: undecodable"], []]);
    expect(scene.statistics.messagesDropped).toBe(2);
  });

  it("causes one process warning per client without a listener of `error` or `dropped`", () => {
    scene.hub.onUndecodable("bad", error);
    scene.hub.onUndecodable("bad", error);
    expect(log).toEqual(["error", "warning: undecodable", "error"]);
  });

  it.each(["error", "dropped"] as const)("causes no process warning with a listener of `%s`", (name) => {
    scene.emitter.add(name, () => undefined, true);
    scene.hub.onUndecodable("bad", error);
    expect(log).toEqual(["error"]);
  });
});

it('fails all open connections when the inbox is full and `buffer.overflow` is "error"', () => {
  create({ buffer: { capacity: 1, overflow: "error" } });
  scene.first.live = undefined;
  void scene.hub.dispatcher.recv(undefined);
  scene.receive(scene.second, "a", "b", "c");
  expect(log.filter((line) => line.startsWith("fails"))).toEqual([
    expect.stringMatching(/^fails: More than 1 received messages are buffered/),
  ]);
});

describe("a heartbeat", () => {
  const send = (connection = scene.first): void => scene.hub.sendPing(connection.client);

  it("is a ping frame with the number of the ping in 8 bytes", () => {
    send();
    send();
    expect(log).toEqual(["ping 0000000000000001", "ping 0000000000000002"]);
  });

  it("is not sent on a connection that is closing", () => {
    scene.first.live!.isClosing = true;
    send();
    expect(log).toEqual([]);
  });

  it("is the application ping on a connection that is set up, otherwise a ping frame", () => {
    create({ heartbeat: { ping: () => "hello" } });
    send();
    scene.first.isReady = false;
    send();
    expect(log).toEqual(["send <hello>", "ping 0000000000000001"]);
  });

  it("is a ping frame if the application ping throws, which is reported", () => {
    create({
      heartbeat: {
        ping: () => {
          throw new Error("no");
        },
      },
    });
    send();
    expect(log).toEqual(["The option heartbeat.ping threw Error: no", "ping 0000000000000001"]);
  });

  it("is not sent if the application ping closes the connection", () => {
    create({
      heartbeat: {
        ping: () => {
          scene.first.live!.isClosing = true;
          return "hello";
        },
      },
    });
    send();
    expect(log).toEqual([]);
  });
});

describe("the answer to an application ping", () => {
  const isPong = (message: string): boolean => message === "pong";

  beforeEach(() => {
    create({ heartbeat: { ping: () => "ping", isPong } })
      .on("message", dataOf)
      .on("pong", pongOf);
  });

  it("is not delivered, and gives the time since the oldest ping without an answer", () => {
    scene.hub.sendPing(scene.first.client);
    scene.clock.advance(30);
    scene.hub.sendPing(scene.first.client);
    scene.clock.advance(12);
    log.length = 0;
    scene.receive(scene.first, "pong", "a");
    expect([log, scene.stats.latencyMs]).toEqual([["pong [] 42", "message a"], 42]);
  });

  it("answers each ping once", () => {
    scene.hub.sendPing(scene.first.client);
    log.length = 0;
    scene.receive(scene.first, "pong", "pong");
    expect(log).toEqual(["pong [] 0", "pong [] undefined"]);
  });

  it("has no latency if another connection sent the ping", () => {
    scene.hub.sendPing(scene.first.client);
    log.length = 0;
    scene.receive(scene.second, "pong");
    expect([log, scene.stats.latencyMs]).toEqual([["pong [] undefined"], undefined]);
  });

  it("is delivered as a message if isPong throws, which is reported", () => {
    create({
      heartbeat: {
        ping: () => "ping",
        isPong: () => {
          throw new Error("no");
        },
      },
    }).on("message", dataOf);
    scene.receive(scene.first, "pong");
    expect(log).toEqual(["The option heartbeat.isPong threw Error: no", "message pong"]);
  });
});

it("records the latency of a pong with or without a listener", () => {
  scene.hub.onPong(Buffer.from("x"), 5);
  expect(scene.stats.latencyMs).toBe(5);
  scene.on("pong", pongOf);
  scene.hub.onPong(Buffer.from("x"), undefined);
  expect([log, scene.stats.latencyMs]).toEqual([["pong [x] undefined"], 5]);
});

describe("a pause of reading", () => {
  /** Fills the inbox. */
  function pause(): void {
    create({ buffer: { capacity: 2 } });
    void scene.hub.dispatcher.recv(undefined);
    scene.receive(scene.first, "read", "a", "b");
    expect(log.at(-1)).toBe("paused");
    log.length = 0;
  }

  it("is reported, and the delivery of undecoded messages pauses", () => {
    create({ buffer: { capacity: 1 } });
    void scene.hub.dispatcher.recv(undefined);
    scene.leave(scene.first, "read", "a");
    scene.hub.leftovers.deliver();
    expect(log.slice(0, 3)).toEqual(["idle wait 1", "leftovers pause", "paused"]);
  });

  it("ends with undecoded messages first, in a callback of its own", () => {
    pause();
    scene.leave(scene.first, "c");
    void scene.hub.dispatcher.recv(undefined);
    expect([log, scene.hub.leftovers.isPending]).toEqual([["resumed"], true]);
    scene.clock.advance(0);
    expect(log.slice(1)).toContain("paused");
    expect(scene.hub.dispatcher.waitingCount).toBe(2);
  });

  it("resumes all connections after the undecoded messages are delivered", () => {
    scene.leave(scene.first, "a");
    scene.hub.leftovers.deliver();
    expect(log).toEqual(["1 resumes consumer", "2 resumes consumer"]);
  });

  it("resumes no connection if the last undecoded message begins another pause", () => {
    create({ buffer: { capacity: 1 } });
    void scene.hub.dispatcher.recv(undefined);
    scene.leave(scene.first, "read", "a");
    scene.hub.leftovers.deliver();
    expect([scene.hub.leftovers.isPending, log.filter((line) => line.includes("resumes"))]).toEqual([
      false,
      [],
    ]);
  });

  it("emits no event while the end of the client is pending", () => {
    pause();
    scene.leave(scene.first, "c");
    scene.hub.dispatcher.finish({ iteratorError: undefined, recvError: undefined }, false);
    expect(scene.hub.dispatcher.isEndPending).toBe(true);
    void scene.hub.dispatcher.recv(undefined);
    scene.clock.advance(0);
    expect(log.filter((line) => ["paused", "resumed"].includes(line))).toEqual([]);
  });
});

describe("end()", () => {
  it("drops undecoded messages if it is immediate", () => {
    scene.leave(scene.first, "a");
    scene.hub.end(true, true);
    expect(log).toContain("leftover a dropped");
    expect(scene.hub.leftovers.isPending).toBe(false);
  });

  it("delivers undecoded messages to listeners before the end", () => {
    scene.on("message", dataOf).leave(scene.first, "a");
    scene.hub.end(false, false);
    expect(log[0]).toBe("message a");
  });

  it("adds undecoded messages to the inbox if this client requested the end", () => {
    scene.leave(scene.first, "a");
    scene.hub.end(false, true);
    expect([scene.hub.leftovers.isPending, scene.hub.dispatcher.waitingCount]).toEqual([false, 1]);
  });

  it("adds them up to twice the capacity, although reading is paused, and drops the rest", () => {
    create({ buffer: { capacity: 2 } }).on("dropped", dropOf);
    void scene.hub.dispatcher.recv(undefined);
    scene.receive(scene.first, "read", "a", "b");
    scene.leave(scene.first, "c", "d", "e");
    scene.hub.end(false, true);
    expect(scene.hub.dispatcher.waiting.map(({ value }) => value)).toEqual(["a", "b", "c", "d"]);
    expect(log).toContain("dropped in e overflow");
  });

  it("stops the timer of buffered messages, which are delivered after the undecoded ones", () => {
    create({ replay: { sequence: Number, onReplay: () => never<string[]>() } });
    scene.hub.inbound.onConnection(1);
    scene.receive(scene.first, "1", "4");
    expect(scene.counting.openTimers).toBe(1);
    scene.leave(scene.first, "5");
    scene.hub.end(false, false);
    expect([scene.counting.openTimers, scene.hub.inbound.heldCount]).toEqual([0, 1]);
    scene.hub.leftovers.deliver();
    expect(scene.hub.dispatcher.waiting.map(({ value }) => value)).toEqual(["1", "4", "5"]);
  });

  it("keeps undecoded messages for readers if the peer ended the connection", () => {
    scene.leave(scene.first, "a");
    scene.hub.end(false, false);
    expect([scene.hub.leftovers.isPending, scene.hub.hasLeftover, log]).toEqual([true, true, []]);
    scene.hub.leftovers.discard();
  });

  it("emits the messages in the inbox to a new listener before the end", () => {
    scene.receive(scene.first, "a");
    scene.on("message", dataOf);
    scene.hub.end(false, false);
    expect(log).toEqual(["message a"]);
  });
});

describe("the connection object of a hook", () => {
  const accepting = (options: Options = {}) => {
    create({ onConnection: () => undefined, ...options });
    return scene.hub.createHook(scene.first.client);
  };

  it("has the properties of the connection, and sends on it", async () => {
    const { publicConnection } = accepting();
    expect(publicConnection).toMatchObject({ url: "ws://feed.test/", subprotocol: "chat", extensions: "" });
    await publicConnection.send("a", { compress: false });
    await publicConnection.sendRaw("b");
    await publicConnection.ping();
    expect(log).toEqual(['send <a> {"compress":false}', "send b undefined", "ping 0000000000000001"]);
  });

  it("sends the payload of ping()", async () => {
    await accepting().publicConnection.ping({ payload: Buffer.from([0xab]) });
    expect(log).toEqual(["ping ab"]);
  });

  it("rejects and reports an error of the serializer", async () => {
    const error = new Error("no");
    const { publicConnection } = accepting({
      serializer: () => {
        throw error;
      },
    });
    await expect(publicConnection.send("a")).rejects.toBe(error);
    expect(scene.errors).toEqual([error]);
    expect(log).toEqual(["redacted", "error"]);
  });

  it("pauses its connection when more than maxMessageSize bytes wait for the hook, and resumes it later", async () => {
    const hook = accepting({ maxMessageSize: 4 });
    for (const data of ["1234", "5"]) hook.receive({ data, size: data.length, at: 0 });
    expect(log).toEqual(["1 pauses hook"]);
    await hook.publicConnection.recv();
    expect(log.slice(1)).toEqual(["1 resumes hook"]);
  });

  it("is found by the number of its connection while that connection is open", () => {
    scene.second.hook = { publicConnection: "the second" };
    const { hub } = scene;
    expect([hub.connectionOf(1), hub.connectionOf(2), hub.connectionOf(3)]).toEqual([
      ...[undefined, "the second", undefined],
    ]);
  });
});
