// A scripted exchange in virtual time, with channels, acknowledgements and numbered messages, and a client with a feed.
import { type Channel, channels, type ChannelsOptions, type Feed } from "../../src/channels/index.js";
import { WebSocket, type WebSocketOptions } from "../../src/index.js";
import { type ScriptedConnection, ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";

/** A message in either direction. */
export interface Wire {
  readonly op?: string;
  readonly channels?: readonly string[];
  readonly id?: number | string;
  readonly ack?: string | number;
  readonly refused?: string;
  /** The channel of a numbered message. */
  readonly ch?: string;
  readonly n?: number;
  readonly text?: string;
  readonly cursors?: Readonly<Record<string, { readonly sequence: number }>>;
}

/** One connection of the exchange. */
export interface Peer {
  readonly wire: ScriptedConnection;
  readonly number: number;
  /** The channels to which the connection is subscribed. */
  readonly subscribed: Set<string>;
  /** All received messages. */
  readonly received: Wire[];
}

/** Answers a subscribe of one channel. The default acknowledges it at once. */
export type Answer = (name: string, peer: Peer, id: number | string | undefined) => void;

export class Exchange {
  readonly server: ScriptedServer;
  readonly runtime: VirtualRuntime;
  readonly peers: Peer[] = [];
  /** The last sequence number of each channel. */
  readonly sequences: Map<string, number> = new Map<string, number>();
  answer: Answer = (name, peer) => this.accept(name, peer);
  /** True: each handshake is refused with the status 401. */
  isRejecting = false;
  /** True: a new connection is not read before `goOnReading()`. */
  isStalled = false;
  /** Handles messages other than `sub` and `unsub`. */
  onOther: (message: Wire, peer: Peer) => void = () => undefined;

  constructor(seed: number = 1) {
    this.server = new ScriptedServer({ onConnection: (wire, number) => this.#serve(wire, number) });
    this.runtime = new VirtualRuntime({ server: this.server, seed });
  }

  async #serve(wire: ScriptedConnection, number: number): Promise<void> {
    if (this.isRejecting) {
      wire.reject(401);
      return;
    }
    const peer: Peer = { wire, number, subscribed: new Set(), received: [] };
    this.peers.push(peer);
    wire.accept();
    if (this.isStalled) wire.stopReading();
    for await (const text of wire) {
      const message = JSON.parse(String(text)) as Wire;
      peer.received.push(message);
      if (message.op === "sub")
        for (const name of message.channels ?? []) this.answer(name, peer, message.id);
      else if (message.op === "unsub")
        for (const name of message.channels ?? []) peer.subscribed.delete(name);
      else this.onOther(message, peer);
    }
  }

  accept(name: string, peer: Peer): void {
    peer.subscribed.add(name);
    peer.wire.send({ ack: name });
  }

  /** The open connections. */
  get open(): Peer[] {
    return this.peers.filter(({ wire }) => !wire.isGone);
  }

  get peer(): Peer {
    return this.open.at(-1)!;
  }

  /** Publishes the next message of a channel to all connections that are subscribed. */
  publish(name: string): void {
    const n = (this.sequences.get(name) ?? 0) + 1;
    this.sequences.set(name, n);
    for (const { wire, subscribed } of this.open) if (subscribed.has(name)) wire.send({ ch: name, n });
  }

  pass(ms = 0): Promise<void> {
    return this.runtime.advanceAsync(ms);
  }
}

export const feedOptions: ChannelsOptions<Wire, Wire> = {
  channelOf: ({ ch }) => ch,
  subscribe: (names) => ({ op: "sub", channels: names }),
  unsubscribe: (names) => ({ op: "unsub", channels: names }),
  isAck: ({ ack, refused }) =>
    typeof ack === "string"
      ? { channels: ack, refused }
      : ack === undefined
        ? undefined
        : { id: ack, refused },
};

export interface Scene {
  readonly exchange: Exchange;
  readonly feed: Feed<Wire, Wire>;
  readonly ws: WebSocket<Wire, Wire>;
}

export interface SceneOptions {
  readonly feed?: Partial<ChannelsOptions<Wire, Wire>>;
  readonly client?: WebSocketOptions<Wire, Wire>;
  readonly exchange?: Exchange;
}

/** Creates a feed that is attached to a client. The client is not connected. */
export function createScene({ feed: more, client, exchange = new Exchange() }: SceneOptions = {}): Scene {
  const { runtime } = exchange;
  const feed = channels<Wire, Wire>({ ...feedOptions, ...more });
  const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
    ...{ runtime, onConnection: feed.onConnection, heartbeat: false, backoff: { base: 100, jitter: false } },
    ...client,
  });
  feed.attach(ws);
  return { exchange, feed, ws };
}

/** Creates a feed whose client is connected. */
export async function connectScene(options: SceneOptions = {}): Promise<Scene> {
  const scene = createScene(options);
  scene.ws.connect().catch(() => undefined);
  await scene.exchange.pass(10);
  return scene;
}

/** Records the messages of a channel as numbers. */
export function numbersOf(channel: Channel<Wire>): number[] {
  const numbers: number[] = [];
  channel.on("message", ({ data }) => void numbers.push(data.n!));
  return numbers;
}

/** Returns the names of the channels in the messages of a kind, in the order of their arrival, one array per message. */
export function namesIn(peer: Peer, op: "sub" | "unsub"): (readonly string[])[] {
  return peer.received.filter((message) => message.op === op).map((message) => message.channels ?? []);
}

/** Returns the result of a promise as a text: its error code, its value, or `"pending"`. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const pending = Promise.resolve("pending");
  const settled = promise.then(
    (value) => value ?? "done",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
  await new Promise((resolve) => void setImmediate(resolve));
  return Promise.race([settled, pending]);
}

/** A seeded random number generator: a function that returns a whole number from 0 up to `below`. */
export function randomOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Collects the warnings of the process until `stop()` is called. */
export function catchWarnings(): { taken(): Promise<Error[]>; stop(): void } {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on("warning", listener);
  return {
    // The process emits a warning in a later tick.
    taken: async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      return warnings.splice(0);
    },
    stop: () => void process.off("warning", listener),
  };
}
