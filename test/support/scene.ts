// A test fixture for clients over real sockets. It records events and checks for leaks; the peer is a ScriptedPeer.
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

/** The message type of a client without a deserializer. */
export type Message = string | Buffer;
export type Options = WebSocketOptions<Message, string | Uint8Array>;
type Events = EventMap<Message>;

/** Every event except `message` and `rawMessage`, whose listeners change how messages are read. */
const watchedEvents: readonly Watched[] = [
  ...(["connecting", "connected", "stateChange", "ping", "pong", "closing", "disconnected"] as const),
  ...(["error", "closed", "paused", "resumed", "drain", "dropped"] as const),
];

type Watched = Exclude<EventName, "message" | "rawMessage">;
type Recorded = { [Name in Watched]: { readonly name: Name; readonly event: Events[Name] } }[Watched];

/** A client under test that records its events. */
export class RecordedClient {
  readonly ws: WebSocket<Message, string | Uint8Array>;
  readonly recorded: Recorded[] = [];
  readonly #emitted = new Set<Watched>();
  #watches: { readonly isTrue: () => boolean; readonly resolve: () => void }[] = [];

  constructor(url: ConstructorParameters<typeof WebSocket>[0], options: Options) {
    // By default one connection without a heartbeat.
    const defaults = { deserializer: (data: Message) => data, reconnect: false, heartbeat: false } as const;
    this.ws = new WebSocket<Message, string | Uint8Array>(url, { ...defaults, ...options });
    for (const name of watchedEvents) {
      this.ws.on(name, (event) => {
        this.recorded.push({ name, event } as Recorded);
        this.#emitted.add(name);
        const due = this.#watches.filter(({ isTrue }) => isTrue());
        this.#watches = this.#watches.filter((watch) => !due.includes(watch));
        for (const { resolve } of due) resolve();
      });
    }
  }

  /** The events of this name, in order. */
  all<Name extends Watched>(name: Name): Events[Name][] {
    return this.recorded.filter((one) => one.name === name).map(({ event }) => event as Events[Name]);
  }

  /** Waits for the first event of this name. */
  async event<Name extends Watched>(name: Name): Promise<Events[Name]> {
    await this.until(() => this.#emitted.has(name));
    return this.all(name)[0]!;
  }

  /** Resolves when `isTrue` returns true; checked at each event. */
  async until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return;
    await new Promise<void>((resolve) => this.#watches.push({ isTrue, resolve }));
  }

  /** The names of the events in order: state changes as `to connected`, a fatal error as `error!`. */
  get story(): string[] {
    return this.recorded.map((one) => {
      if (one.name === "stateChange") return `to ${one.event.to}`;
      return one.name === "error" && one.event.isFatal ? "error!" : one.name;
    });
  }

  get fatalError(): Error | undefined {
    return this.all("error").find(({ isFatal }) => isFatal)?.error;
  }

  /** Checks that `closed` is emitted once per run, and that only errors of later calls follow it. */
  checkEnd(): void {
    const { story } = this;
    const last = story.lastIndexOf("closed");
    expect(story.slice(last + 1).filter((name) => name !== "error")).toEqual([]);
    const starts = this.all("stateChange").filter(
      ({ from, to }) => to === "connecting" && from !== "backingOff",
    );
    expect(story.filter((name) => name === "closed").length).toBe(Math.max(starts.length, 1));
  }
}

export interface Opened extends RecordedClient {
  readonly peer: PeerSocket;
}

/** The servers and clients of one test, over real sockets. finish() checks that they leave no resources. */
export class Scene {
  readonly counting: CountingRuntime;
  /** The clock of a scene with virtual time. */
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly #before = socketsInUse();
  readonly #servers: ScriptedPeer[] = [];
  readonly #clients: RecordedClient[] = [];
  readonly #unhandled: unknown[] = [];
  #readSize = 0;
  #reads: { readonly size: number; readonly resolve: () => void }[] = [];

  /** @param hasVirtualTime - Time advances only by `clock.advance`; the sockets are real nevertheless. */
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

  /** The number of bytes that the clients have read, handshakes included. */
  get readSize(): number {
    return this.#readSize;
  }

  /** Resolves when the clients have read and processed `size` bytes. */
  async untilRead(size: number): Promise<void> {
    if (this.#readSize >= size) return;
    await new Promise<void>((resolve) => this.#reads.push({ size, resolve }));
  }

  async listen(options: RawServerOptions = {}): Promise<ScriptedPeer> {
    const server = await ScriptedPeer.listen(options);
    this.#servers.push(server);
    return server;
  }

  watch(url: ConstructorParameters<typeof WebSocket>[0], options: Options = {}): RecordedClient {
    const client = new RecordedClient(url, { runtime: this.counting.runtime, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Opens a connected client. Returns it with its peer. */
  async open(
    options: Options = {},
    { server, ...acceptance }: Acceptance & { readonly server?: ScriptedPeer } = {},
  ): Promise<{
    readonly client: RecordedClient;
    readonly ws: RecordedClient["ws"];
    readonly peer: PeerSocket;
  }> {
    const listening = server ?? (await this.listen());
    const client = this.watch(listening.url, options);
    const connected = client.ws.connect();
    const peer = await listening.client();
    await peer.accept(acceptance);
    await connected;
    return { client, ws: client.ws, peer };
  }

  /** Ends all clients and checks that no socket, timer, codec, callback or unhandled rejection is left. */
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
