/**
 * Chooses the client of each channel. With the option `shards`, it creates clients as they are needed, and moves the
 * channels of a client that has ended. It does not subscribe.
 */
import { type Timer, WebSocket } from "../index.js";
import { ChannelError } from "./errors.js";
import { Link, type LinkHost } from "./link.js";
import type { ShardOptions } from "./options.js";
import type { Topic } from "./topic.js";

type Client = WebSocket;

export class Placement {
  readonly #host: LinkHost;
  readonly #shards: ShardOptions<unknown, unknown> | undefined;
  #links: Link[] = [];
  #shardCount = 0;
  /** The number of clients that have failed in succession. */
  #failures = 0;
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(host: LinkHost, shards: ShardOptions<unknown, unknown> | undefined) {
    this.#host = host;
    this.#shards = shards;
    if (shards === undefined) this.#links.push(new Link(host));
  }

  get isSharded(): boolean {
    return this.#shards !== undefined;
  }

  get links(): readonly Link[] {
    return this.#links;
  }

  /** Returns the client with the smallest number of channels, or a new one if all are full. */
  choose(): Link {
    if (this.#shards === undefined) return this.#links[0]!;
    const { maxPerConnection } = this.#shards;
    let best: Link | undefined;
    let least = maxPerConnection;
    for (const link of this.#links) {
      // `load` takes longer to compute, and is never less.
      if (link.topics.size >= least) continue;
      const { load } = link;
      if (load < least) [best, least] = [link, load];
    }
    if (best !== undefined) return best;
    const link = this.#addShard(this.#shards);
    // `connect` may have opened channels on the new client.
    return link.load < maxPerConnection ? link : this.choose();
  }

  #addShard(shards: ShardOptions<unknown, unknown>): Link {
    const link = new Link(this.#host);
    this.#links.push(link);
    const shard = ++this.#shardCount;
    if (this.#failures === 0) void this.#connect(link, shard, shards);
    else this.#connectLater(link, shard, shards);
    return link;
  }

  async #connect(link: Link, shard: number, { connect }: ShardOptions<unknown, unknown>): Promise<void> {
    try {
      const onConnection: Link["onConnection"] = (connection, signal) =>
        link.onConnection(connection, signal);
      const client = await this.#inTime(connect({ onConnection, shard }));
      if (!((client as unknown) instanceof WebSocket)) throw new TypeError("It must return a WebSocket.");
      if (this.#links.some((other) => other.client === client))
        throw new TypeError("It must return a new WebSocket in each call.");
      if (client.state === "closed") throw new TypeError("It must return a new WebSocket, not a closed one.");
      if (this.#isClosed) {
        client.terminate();
        return;
      }
      attach(link, client);
      // The end of the client is reported by its state.
      client.run().catch(() => undefined);
    } catch (cause) {
      if (this.#isClosed) return;
      const message =
        "The option shards.connect failed. It is called again later. See the cause of this error.";
      this.#host.reportError(new ChannelError(message, { code: "CONNECT_FAILED", cause }));
      this.#failures++;
      this.#connectLater(link, shard, this.#shards!);
    }
  }

  /** Rejects if the promise does not settle within `ackTimeout`. A client that is created later is terminated. */
  #inTime(result: Client | Promise<Client>): Promise<Client> {
    const { ackTimeout } = this.#host.options.channels!;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const timer = this.#startTimer(ackTimeout, () => {
        isOver = true;
        reject(new TypeError(`It did not return a client within ${ackTimeout} ms (ackTimeout).`));
      });
      Promise.resolve(result).then(
        (client) => {
          this.#clearTimer(timer);
          if (isOver && (client as unknown) instanceof WebSocket) client.terminate();
          resolve(client);
        },
        (reason: unknown) => {
          this.#clearTimer(timer);
          reject(reason);
        },
      );
    });
  }

  #connectLater(link: Link, shard: number, shards: ShardOptions<unknown, unknown>): void {
    const { base, cap } = this.#host.options.channels!.backoff;
    const longest = Math.min(base * 2 ** (this.#failures - 1), cap);
    const delay = longest * (1 - this.#host.options.runtime.random() / 2);
    this.#startTimer(delay, () => void this.#connect(link, shard, shards));
  }

  #startTimer(delay: number, callback: () => void): Timer {
    const timer = this.#host.options.runtime.setTimer(delay, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return timer;
  }

  #clearTimer(timer: Timer): void {
    timer.clear();
    this.#timers.delete(timer);
  }

  /** A client is connected. */
  onSession(): void {
    this.#failures = 0;
  }

  /** Moves the channels of a client that has ended. @returns the moved channels. */
  move(link: Link): readonly Topic[] {
    const topics = [...link.topics.values()];
    this.#links = this.#links.filter((other) => other !== link);
    link.end();
    // The feed cannot use this client. It would stay open, and a further client would follow after each wait.
    if (link.hasNoHook) link.client?.terminate();
    if (this.#isClosed) return topics;
    this.#failures++;
    for (const topic of topics) {
      const next = this.choose();
      topic.link = next;
      next.add(topic);
    }
    return topics;
  }

  /** Stops following all clients, and closes the clients that `shards.connect` has created. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.clear();
    this.#timers.clear();
    const links = this.#links;
    if (!this.isSharded)
      await Promise.all(links.flatMap(({ sessions }) => sessions.map((one) => one.untilSettled())));
    for (const link of links) link.end();
    if (this.isSharded)
      await Promise.allSettled(links.map(({ client }) => client?.close() ?? Promise.resolve()));
  }
}

/** @throws ChannelError if the client does not call the hook. The client is then terminated. */
function attach(link: Link, client: Client): void {
  try {
    link.attach(client);
  } catch (error) {
    client.terminate();
    throw error;
  }
}
