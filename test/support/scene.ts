import { expect, onTestFinished } from "vitest";
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import {
  type EventMap,
  type EventName,
  type Runtime,
  WebSocket,
  type WebSocketOptions,
} from "../../src/index.js";
import { nodeRuntimeWithoutSockets } from "../../src/runtime/node-runtime.js";
import { openTransport } from "../../src/transport/open-transport.js";
import type { OpenTransport } from "../../src/runtime/transport.js";
import { createCountingRuntime, type CountingRuntime } from "./counting-runtime.js";
import { socketsInUse, turns } from "./dialling.js";
import type { RawServerOptions } from "./raw-server.js";
import type { PeerSocket } from "./scripted-peer.js";
import { type Acceptance, ScriptedPeer } from "./scripted-peer.js";
import { VirtualRuntime } from "./virtual-runtime.js";

/** What a client gives that leaves every message as it came. */
export type Message = string | Buffer;
export type Options = WebSocketOptions<Message, string | Uint8Array>;
type Events = EventMap<Message>;

/** Every event that says nothing of a message: to listen to these changes nothing about how messages are read. */
const watchedEvents: readonly Watched[] = [
  ...(["connecting", "connected", "stateChange", "ping", "pong", "closing", "disconnected"] as const),
  ...(["error", "closed", "paused", "resumed", "drain", "dropped"] as const),
];

type Watched = Exclude<EventName, "message" | "rawMessage">;
type Told = { [Name in Watched]: { readonly name: Name; readonly event: Events[Name] } }[Watched];

/** A client under test, with everything that it tells. */
export class Watching {
  readonly ws: WebSocket<Message, string | Uint8Array>;
  readonly told: Told[] = [];
  readonly #heard = new Set<Watched>();
  #watches: { readonly isTrue: () => boolean; readonly resolve: () => void }[] = [];

  constructor(url: ConstructorParameters<typeof WebSocket>[0], options: Options) {
    // One connection without a heartbeat, unless the test is about more.
    const defaults = { deserializer: (data: Message) => data, reconnect: false, heartbeat: false } as const;
    this.ws = new WebSocket<Message, string | Uint8Array>(url, { ...defaults, ...options });
    for (const name of watchedEvents) {
      this.ws.on(name, (event) => {
        this.told.push({ name, event } as Told);
        this.#heard.add(name);
        const due = this.#watches.filter(({ isTrue }) => isTrue());
        this.#watches = this.#watches.filter((watch) => !due.includes(watch));
        for (const { resolve } of due) resolve();
      });
    }
  }

  /** The events of this name, in their order. */
  all<Name extends Watched>(name: Name): Events[Name][] {
    return this.told.filter((one) => one.name === name).map(({ event }) => event as Events[Name]);
  }

  /** The first event of this name, once it has come. */
  async event<Name extends Watched>(name: Name): Promise<Events[Name]> {
    await this.until(() => this.#heard.has(name));
    return this.all(name)[0]!;
  }

  /** Resolves as soon as `isTrue` holds, judged at each event. */
  async until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return;
    await new Promise<void>((resolve) => this.#watches.push({ isTrue, resolve }));
  }

  /** The order of events in words: state changes as `to connected`, a fatal error as `error!`. */
  get story(): string[] {
    return this.told.map((one) => {
      if (one.name === "stateChange") return `to ${one.event.to}`;
      return one.name === "error" && one.event.isFatal ? "error!" : one.name;
    });
  }

  get fatalError(): Error | undefined {
    return this.all("error").find(({ isFatal }) => isFatal)?.error;
  }

  /** The duties of every end: `closed` comes once in a life, and nothing after it but errors of later calls. */
  checkEnd(): void {
    const { story } = this;
    const last = story.lastIndexOf("closed");
    expect(story.slice(last + 1).filter((name) => name !== "error")).toEqual([]);
    const lives = story.filter((name) => name === "to connecting").length;
    expect(story.filter((name) => name === "closed").length).toBe(Math.max(lives, 1));
  }
}

export interface Opened extends Watching {
  readonly peer: PeerSocket;
}

/** Servers and clients of one test; at its end it finds that nothing is left of them. */
export class Scene {
  readonly counting: CountingRuntime;
  /** The clock, where the scene has one that is told when to move. */
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly #before = socketsInUse();
  readonly #servers: ScriptedPeer[] = [];
  readonly #clients: Watching[] = [];
  readonly #unhandled: unknown[] = [];
  #readSize = 0;
  #reads: { readonly size: number; readonly resolve: () => void }[] = [];

  /** @param hasVirtualTime - Time passes by `clock.advance` alone; the sockets are real all the same. */
  constructor(hasVirtualTime = false) {
    const node: Runtime = { ...nodeRuntimeWithoutSockets, openTransport: this.#openTransport };
    const { clock } = this;
    const timed = { now: () => clock.now(), setTimer: clock.setTimer.bind(clock) };
    this.counting = createCountingRuntime(hasVirtualTime ? { ...node, ...timed } : node);
    process.on("unhandledRejection", this.#onUnhandled);
    onTestFinished(() => void process.off("unhandledRejection", this.#onUnhandled));
  }

  readonly #onUnhandled = (reason: unknown): void => void this.#unhandled.push(reason);

  readonly #openTransport: OpenTransport = (target, handler) =>
    openTransport(target, {
      onPhase: (phase) => handler.onPhase(phase),
      onOpen: () => handler.onOpen(),
      onData: (bytes, length) => {
        handler.onData(bytes, length);
        this.#readSize += length;
        const due = this.#reads.filter(({ size }) => size <= this.#readSize);
        if (due.length > 0) this.#reads = this.#reads.filter(({ size }) => size > this.#readSize);
        for (const { resolve } of due) resolve();
      },
      onEnd: () => handler.onEnd(),
      onClose: (error) => handler.onClose(error),
    });

  /** How many bytes the clients have read, handshakes included. */
  get readSize(): number {
    return this.#readSize;
  }

  /** The clients have read so many bytes, and made of them what they do. */
  async untilRead(size: number): Promise<void> {
    if (this.#readSize >= size) return;
    await new Promise<void>((resolve) => this.#reads.push({ size, resolve }));
  }

  async listen(options: RawServerOptions = {}): Promise<ScriptedPeer> {
    const server = await ScriptedPeer.listen(options);
    this.#servers.push(server);
    return server;
  }

  watch(url: ConstructorParameters<typeof WebSocket>[0], options: Options = {}): Watching {
    const client = new Watching(url, { runtime: this.counting.runtime, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A client that is connected, and its peer. */
  async open(
    options: Options = {},
    { server, ...acceptance }: Acceptance & { readonly server?: ScriptedPeer } = {},
  ): Promise<{ readonly client: Watching; readonly ws: Watching["ws"]; readonly peer: PeerSocket }> {
    const listening = server ?? (await this.listen());
    const client = this.watch(listening.url, options);
    const connected = client.ws.connect();
    const peer = await listening.client();
    await peer.accept(acceptance);
    await connected;
    return { client, ws: client.ws, peer };
  }

  /** Ends what is open, and looks for what is left: sockets, timers, codecs, callbacks, rejections nobody saw. */
  async finish(): Promise<void> {
    for (const client of this.#clients) {
      client.ws.terminate();
      if (client.ws.state === "idle") continue;
      await client.until(() => client.ws.state === "closed" || client.ws.state === "failed");
    }
    await turns(2);
    for (const client of this.#clients) client.checkEnd();
    this.counting.assertIdle();
    expect(sharedResources(this.counting.runtime).codecs.openCount).toBe(0);
    await Promise.all(this.#servers.map((server) => server.close()));
    await turns(3);
    process.off("unhandledRejection", this.#onUnhandled);
    expect(socketsInUse()).toEqual(this.#before);
    expect(this.#unhandled).toEqual([]);
  }
}
