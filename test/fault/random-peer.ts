// Random options for a client, and a server that causes each fault with some probability. It checks nothing.
import type { ScriptedConnection } from "../../src/testing/index.js";
import type { Message, Options } from "../layers/stage.js";
import { never } from "../support/never.js";

/** Pseudo-random numbers from 0 to 1; the same seed gives the same sequence. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let count = 0; count < 8; count++) this.next();
  }

  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  isOnce(chance: number): boolean {
    return this.next() < chance;
  }
}

export const sequenceOf = (message: Message): number | undefined => {
  const found = /^s(\d+)/.exec(String(message));
  return found === null ? undefined : Number(found[1]);
};

const undecodable = "undecodable";

function deserializer(data: Message): Message {
  if (data === undecodable) throw new Error("undecodable");
  return data;
}

function replayOf(random: Random, server: RandomServer): Options["replay"] {
  const answers = [
    undefined,
    () => never<never>(),
    () => Promise.reject(new Error("no replay")),
    () => [],
    (cursors: { readonly [stream: string]: { readonly sequence: unknown } | undefined }) =>
      server.since(Number(cursors["default"]?.sequence ?? 0)),
  ];
  return {
    sequence: sequenceOf,
    onReplay: random.pick(answers) as never,
    recoveryTimeout: 40,
    maxWaiting: 5,
    window: random.pick([1_000, 3]),
  };
}

function setupOf(random: Random): Options["onConnection"] {
  return random.pick<Options["onConnection"]>([
    undefined,
    undefined,
    () => undefined,
    (connection) => connection.send("hello"),
    (connection) => connection.recv({ timeout: 10 }).catch(() => undefined),
    () => never<never>(),
    () => Promise.reject(new Error("no setup")),
  ]);
}

export function optionsOf(random: Random, server: RandomServer, signal: AbortSignal): Options {
  const chance = (options: Options): Options => (random.isOnce(0.5) ? options : {});
  return {
    signal,
    deserializer,
    reconnect: random.isOnce(0.85),
    retryInitial: random.isOnce(0.5),
    backoff: { base: 20, cap: 60, floor: 1, maxAttempts: random.pick([0, 0, 1, 3]), resetAfter: 30 },
    heartbeat: random.pick([false, { interval: 20, timeout: 20 }, { interval: 7, timeout: 30 }]),
    ...{ closeTimeout: 50, connectTimeout: 40, setupTimeout: 40, maxMessageSize: 65_536 },
    ...{ highWaterMark: 5_000, maxBufferedAmount: 20_000 },
    buffer: {
      capacity: 1 + random.below(6),
      overflow: random.pick(["pause", "pause", "dropOldest", "error"]),
    },
    ...chance({
      outbox: random.pick([
        { capacity: 2, overflow: "dropOldest" },
        { capacity: 4, perSecond: 50 },
        { ttl: 30 },
      ]),
    }),
    ...chance({ replay: replayOf(random, server) }),
    ...chance({ rotation: { mode: random.pick(["overlap", "replace"]), overlap: 30, maxWaiting: 4 } }),
    ...(random.isOnce(0.3) ? { maxConnectionAge: 60 } : {}),
    onConnection: setupOf(random),
  };
}

/** A server that sends numbered messages to all its connections and causes random faults. */
export class RandomServer {
  readonly #random: Random;
  /** The number of the last message. */
  last = 0;
  /** How often the numbering was set back. */
  restarts = 0;
  /** The accepted connections and their numbers. */
  readonly live: Map<ScriptedConnection, number> = new Map();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The messages that were published after `sequence`. */
  since(sequence: number): string[] {
    return Array.from(
      { length: Math.min(this.last - sequence, 20) },
      (_, index) => `s${sequence + index + 1} on 0`,
    );
  }

  async serve(connection: ScriptedConnection, n: number): Promise<void> {
    const random = this.#random;
    if (random.isOnce(0.3)) await connection.delay(random.below(30));
    if (random.isOnce(0.15)) connection.reject(random.pick([503, 429, 401, 404]));
    else if (random.isOnce(0.05)) connection.reset();
    else if (random.isOnce(0.9)) {
      connection.accept();
      this.live.set(connection, n);
    }
  }

  readonly acts: readonly ((connection: ScriptedConnection) => void)[] = [
    (connection) => this.#send(connection),
    // The numbering is set back by 20, below the replay window of some clients.
    () => {
      this.last = Math.max(0, this.last - 20);
      this.restarts++;
    },
    (connection) => connection.send(undecodable),
    (connection) => connection.send("unnumbered"),
    (connection) => connection.ping("ping"),
    (connection) => connection.close(this.#random.pick([1000, 1001, 1012, 4000, 4401])),
    (connection) => connection.reset(),
    (connection) => connection.end(),
    (connection) => connection.mute(),
    (connection) => connection.stopReading(),
    (connection) => connection.goOnReading(),
    (connection) => connection.halfOpen(),
    (connection) => connection.write(Buffer.from([0x83, 0])),
    (connection) => connection.write(Buffer.from([0x81, 0x7e, 0x10])),
  ];

  /** Publishes up to 7 messages; sometimes skips up to 3 numbers first. */
  publish(): void {
    if (this.#random.isOnce(0.1)) this.last += 1 + this.#random.below(3);
    for (let count = this.#random.below(8); count > 0; count--) {
      this.last++;
      for (const connection of this.live.keys()) attempt(() => this.#send(connection));
    }
  }

  /** The last message, with the number of its connection. */
  #send(connection: ScriptedConnection): void {
    connection.send(`s${this.last} on ${this.live.get(connection)}`);
  }

  act(): void {
    if (this.#random.isOnce(0.6)) this.publish();
    else if (this.live.size > 0)
      attempt(() => this.#random.pick(this.acts)(this.#random.pick([...this.live.keys()])));
  }
}

/** Runs `act` and ignores its error: a scripted connection throws once it has ended. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // The connection has ended.
  }
}
