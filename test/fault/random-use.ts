// Calls a client at random, from outside and from its own listeners, and checks the invariants that every run must keep.
import { expect } from "vitest";
import type { State } from "../../src/index.js";
import { ScriptedServer } from "../../src/testing/index.js";
import { type Message, type Options, RecordedClient, Stage } from "../layers/stage.js";
import { createCountingRuntime } from "../support/counting-runtime.js";
import { optionsOf, Random, RandomServer, sequenceOf } from "./random-peer.js";

/** The listeners that call back into the client. */
export const listeners = ["error", "dropped", "message", "reset", "closed", "stateChange"] as const;
export type ListenerName = (typeof listeners)[number];

export interface Use {
  readonly client: RecordedClient;
  readonly aborter: AbortController;
  /** Every promise that a call of the client returned. */
  readonly promises: Promise<unknown>[];
  /** The messages from `recv()` and iterators. */
  readonly read: string[];
  iterator: AsyncIterator<Message> | undefined;
  count: number;
}

type Call = (use: Use) => unknown;

/** The public methods that are called at random. */
export const calls: Readonly<Record<string, Call>> = {
  connect: ({ client }) => client.ws.connect(),
  "connect with timeout": ({ client }) => client.ws.connect({ timeout: 5 }),
  run: ({ client }) => client.ws.run(),
  reconnect: ({ client }) => client.ws.reconnect(),
  rotate: ({ client }) => client.ws.rotate(),
  send: (use) => use.client.ws.send(`message ${++use.count}`),
  "send 3 kB": (use) => use.client.ws.send(`message ${++use.count} `.padEnd(3_000, "x")),
  trySend: (use) => use.client.ws.trySend(`message ${++use.count}`),
  sendRaw: (use) => use.client.ws.sendRaw(Buffer.from(`message ${++use.count}`)),
  flush: ({ client }) => client.ws.flush(),
  ping: ({ client }) => client.ws.ping(),
  pong: ({ client }) => client.ws.pong(),
  recv: (use) => use.client.ws.recv({ timeout: 30 }).then((message) => use.read.push(String(message))),
  next: (use) => {
    use.iterator ??= use.client.ws[Symbol.asyncIterator]();
    return use.iterator.next().then(({ done, value }) => done !== true && use.read.push(String(value)));
  },
  break: (use) => {
    const { iterator } = use;
    use.iterator = undefined;
    return iterator?.return?.();
  },
  look: ({ client: { ws } }) => [ws.stats(), ws.cursors(), ws.state, ws.bufferedAmount, ws.lastReport],
  unref: ({ client }) => client.ws.unref(),
  close: ({ client }) => client.ws.close(),
  terminate: ({ client }) => client.ws.terminate(),
  abort: ({ aborter }) => aborter.abort(new Error("aborted")),
};

export const callNames: readonly string[] = Object.keys(calls);
/** The calls that end the client. They are made less often from outside, because most runs would be short otherwise. */
const ends = ["close", "terminate", "abort"];

/** Counts the calls by listener, method and state. */
export class Tally {
  readonly #counts = new Map<string, number>();

  count(listener: ListenerName, call: string, state: State): number {
    return this.#counts.get(`${listener} | ${call} | ${state}`) ?? 0;
  }

  add(listener: ListenerName, call: string, state: State): void {
    this.#counts.set(`${listener} | ${call} | ${state}`, this.count(listener, call, state) + 1);
  }

  /** The call made least often in this listener and state, and its count. */
  rarest(listener: ListenerName, state: State): { readonly call: string; readonly count: number } {
    const counts = callNames.map((call) => ({ call, count: this.count(listener, call, state) }));
    return counts.reduce((rarest, other) => (other.count < rarest.count ? other : rarest));
  }
}

function make(use: Use, name: string): void {
  const result: unknown = calls[name]!(use);
  if (result instanceof Promise) use.promises.push(result.catch(() => undefined));
}

/** Minimum number of calls per method, listener and state, for combinations that occur. */
const minimumCalls = 3;

/** Adds listeners that make a random call on some of their events, up to 40 calls per run. */
function listen(use: Use, random: Random, tally: Tally): void {
  const chance = random.pick([0.05, 0.2, 0.6]);
  let left = 40;
  for (const listener of listeners) {
    use.client.ws.on(listener, () => {
      const { state } = use.client.ws;
      const rarest = tally.rarest(listener, state);
      const isRare = rarest.count < minimumCalls;
      if (left <= 0 || !(isRare || random.isOnce(chance))) return;
      left--;
      const call = isRare ? rarest.call : random.pick(callNames);
      tally.add(listener, call, state);
      make(use, call);
    });
  }
}

/** One run of a client, and the messages that it has delivered. */
interface Run {
  readonly use: Use;
  readonly options: Options;
  readonly listenerMessages: readonly string[];
  /** How often a stream was reset. The numbering may start again once per reset. */
  resets: number;
  readonly server: RandomServer;
  readonly random: Random;
}

type Play = (options: Options) => RecordedClient;

function begin(random: Random, server: RandomServer, tally: Tally, play: Play): Run {
  const aborter = new AbortController();
  const options = optionsOf(random, server, aborter.signal);
  const client = play(options);
  const use: Use = { ...{ client, aborter, promises: [], read: [] }, iterator: undefined, count: 0 };
  const listenerMessages: string[] = [];
  client.ws.on("message", ({ data }) => void listenerMessages.push(String(data)));
  const run: Run = { use, options, listenerMessages, resets: 0, server, random };
  client.ws.on("reset", () => run.resets++);
  listen(use, random, tally);
  for (let count = random.below(4); count > 0; count--) make(use, random.pick(callNames));
  return run;
}

/** For 10 to 49 steps: the server acts, the client is called at random, and up to 7 ms pass. */
async function useAtRandom(
  run: Run,
  server: RandomServer,
  pass: (ms: number) => Promise<void>,
): Promise<void> {
  const { random, use } = run;
  for (let step = 10 + random.below(40); step > 0; step--) {
    server.act();
    const name = random.pick(callNames);
    if (random.isOnce(ends.includes(name) ? 0.1 : 0.3)) make(use, name);
    await pass(random.below(8));
  }
}

/** Closes the client. Repeats the call, because a listener can connect a failed client again. */
async function end({ use }: Run, pass: (ms: number) => Promise<void>): Promise<void> {
  const { ws } = use.client;
  for (let count = 0; count < 50 && ws.state !== "closed"; count++) {
    if (count > 2 && ws.state === "failed") break;
    use.promises.push(ws.close());
    await pass(1_000);
  }
  expect(["closed", "failed"]).toContain(ws.state);
}

function check({ use, listenerMessages, options, resets, server }: Run, unsettled: number): void {
  expect(unsettled, "promises that do not settle").toBe(0);
  use.client.checkStory();
  for (const messages of [listenerMessages, use.read]) {
    if (options.replay === undefined) expectOrderOfConnections(messages, server.restarts);
    else expectOrderOfNumbers(messages, resets + server.restarts);
  }
}

/** Returns the number of promises that have not settled when `pass` resolves. */
async function countUnsettled({ use }: Run, pass: () => Promise<void>): Promise<number> {
  const waiting = new Set(use.promises);
  for (const promise of use.promises) void promise.finally(() => waiting.delete(promise));
  await pass();
  return waiting.size;
}

/** Runs one seed in virtual time to its end and checks the invariants. */
export async function playVirtually(seed: number, tally: Tally): Promise<void> {
  const random = new Random(seed);
  const server = new RandomServer(random);
  const stage = new Stage((connection, n) => server.serve(connection, n), { seed });
  const run = begin(random, server, tally, (options) => stage.createClient(options));
  await useAtRandom(run, server, (ms) => {
    if (random.isOnce(0.1)) stage.clock.stall(random.below(100));
    return stage.pass(ms);
  });
  await end(run, (ms) => stage.pass(ms));
  check(run, await countUnsettled(run, () => stage.pass(1_000)));
  await stage.finish();
}

/** The numbers of the messages that a slow reader has not yet read. The numbering starts again twice. */
const lastMessages = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3];

/**
 * Lets a slow reader read the last messages of a lost connection while the client reconnects.
 * Random runs hardly ever reach this state.
 */
export async function playSlowReader(
  seed: number,
  tally: Tally,
  state: "backingOff" | "reconnecting",
): Promise<void> {
  const random = new Random(seed);
  const server = new RandomServer(random);
  const stage = new Stage(async (connection, n) => {
    if (n > 1) return;
    connection.accept();
    await connection.delay(5);
    connection.inOneWrite(() => {
      for (const number of lastMessages) connection.send(`s${number} on 1`);
    });
  });
  const aborter = new AbortController();
  const options: Options = {
    ...{ signal: aborter.signal, connectTimeout: 10_000, heartbeat: { interval: 20, timeout: 20 } },
    backoff: state === "backingOff" ? { base: 5_000, jitter: false } : { base: 1, cap: 1, floor: 1 },
    buffer: { capacity: 1, overflow: "pause" },
    replay: { sequence: sequenceOf, window: 3 },
  };
  const client = await stage.connect(options);
  const use: Use = { ...{ client, aborter, promises: [], read: [] }, iterator: undefined, count: 0 };
  const run: Run = { use, options, listenerMessages: [], resets: lastMessages.length, server, random };
  make(use, "next");
  await stage.pass(10);
  stage.connection.reset();
  await stage.pass(60);
  expect(client.ws.state).toBe(state);
  listen(use, random, tally);
  for (let count = 0; count < lastMessages.length; count++) {
    make(use, "next");
    await stage.pass(1);
  }
  await end(run, (ms) => stage.pass(ms));
  check(run, await countUnsettled(run, () => stage.pass(1_000)));
  await stage.finish();
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Runs one seed on sockets in real time and checks the invariants. */
export async function playOnSockets(seed: number, tally: Tally): Promise<void> {
  const random = new Random(seed);
  const server = new RandomServer(random);
  const scripted = new ScriptedServer({ onConnection: (connection, n) => server.serve(connection, n) });
  await scripted.listen();
  const counting = createCountingRuntime();
  const run = begin(
    random,
    server,
    tally,
    (options) =>
      new RecordedClient(() => performance.now(), { runtime: counting.runtime, ...options }, scripted.url),
  );
  await useAtRandom(run, server, sleep);
  const { ws } = run.use.client;
  await end(run, async () => {
    const isOver = (): boolean => ws.state === "closed" || ws.state === "failed";
    for (let waited = 0; waited < 3_000 && !isOver(); waited += 5) await sleep(5);
  });
  check(run, await countUnsettled(run, () => sleep(20)));
  await scripted.close();
  await sleep(0);
  counting.assertIdle();
}

/** Parses the number and the connection of each numbered message. */
function parseNumbered(
  messages: readonly string[],
): { readonly number: number; readonly connection: number }[] {
  return messages
    .map((message) => /^s(\d+) on (\d+)/.exec(message))
    .filter((found) => found !== null)
    .map(([, number, connection]) => ({ number: Number(number), connection: Number(connection) }));
}

/** With `replay`, the numbers increase, except after a reported reset or a restart of the numbering. */
function expectOrderOfNumbers(messages: readonly string[], most: number): void {
  const numbers = parseNumbered(messages).map(({ number }) => number);
  const steps = numbers.filter((number, index) => index > 0 && number <= numbers[index - 1]!);
  if (steps.length > most) throw new Error(`Out of order, more than ${most} times: ${numbers.join(" ")}`);
}

/** Without `replay`, the numbers of each connection increase, except after a restart of the numbering. */
function expectOrderOfConnections(messages: readonly string[], restarts: number): void {
  const numbered = parseNumbered(messages);
  for (const connection of new Set(numbered.map((one) => one.connection))) {
    const numbers = numbered.filter((one) => one.connection === connection).map(({ number }) => number);
    const steps = numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!);
    if (steps.length > restarts)
      throw new Error(`Out of order, with ${restarts} restarts: ${numbers.join(" ")}`);
  }
}
