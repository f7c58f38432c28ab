// A test fixture for clients over virtual transports and virtual time. For real sockets see `scene.ts`.
import { expect, onTestFinished } from "vitest";
import { sharedResources } from "../../src/client/connection/shared-resources.js";
import type { WebSocket } from "../../src/index.js";
import { createCountingRuntime, type CountingRuntime } from "./counting-runtime.js";
import { type Options, RecordedClient } from "./scene.js";
import { type Answer, VirtualLink } from "./virtual-link.js";
import { VirtualRuntime } from "./virtual-runtime.js";

type Target = ConstructorParameters<typeof WebSocket>[0];

/** Clients on a virtual runtime with peers that the test controls. finish() checks that they leave no resources. */
export class VirtualScene {
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly #clients: RecordedClient[] = [];
  readonly #unhandled: unknown[] = [];

  constructor() {
    const onUnhandled = (reason: unknown): void => void this.#unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    onTestFinished(() => void process.off("unhandledRejection", onUnhandled));
  }

  watch(options: Options = {}, url: Target = "ws://feed.test/trades"): RecordedClient {
    const client = new RecordedClient(url, { runtime: this.counting.runtime, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Runs everything that is due within `ms` milliseconds, promises included. */
  async pass(ms: number = 0): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** The peer of the last opened transport. */
  get link(): VirtualLink {
    return new VirtualLink(this.clock.peers.at(-1)!);
  }

  /** Calls connect(), and waits for the request. */
  async dial(client: RecordedClient): Promise<VirtualLink> {
    client.ws.connect().catch(() => undefined);
    await this.pass();
    const { link } = this;
    link.peer.accept();
    await this.pass();
    return link;
  }

  /** Opens a connected client. Returns it with its peer. */
  async open(options: Options = {}, answer: Answer = {}): Promise<Opened> {
    const client = this.watch(options);
    const link = await this.dial(client);
    link.answer(answer);
    await this.pass();
    return { client, ws: client.ws, link };
  }

  /** Ends all clients and checks that no transport, timer, callback, codec or unhandled rejection is left. */
  async finish(): Promise<void> {
    for (const { ws } of this.#clients) ws.terminate();
    await this.pass();
    for (const client of this.#clients) client.checkEnd();
    this.counting.assertIdle();
    expect(sharedResources(this.counting.runtime).codecs.openCount).toBe(0);
    expect(this.#unhandled).toEqual([]);
  }
}

export interface Opened {
  readonly client: RecordedClient;
  readonly ws: RecordedClient["ws"];
  readonly link: VirtualLink;
}
