/**
 * The same scripted server in memory and on a socket, and a minimal client that records what it receives.
 */
import {
  ClientHandshake,
  deflateOffer,
  type HandshakeResult,
  type HeaderField,
  parseUri,
  ProtocolConnection,
  type ProtocolError,
  Resources,
} from "../../protocol/index.js";
import { nodeRuntimeWithoutSockets } from "../../src/runtime/node-runtime.js";
import type { Runtime } from "../../src/runtime/runtime.js";
import { ScriptedServer, type ScriptedServerOptions, VirtualRuntime } from "../../src/testing/index.js";
import { openTransport } from "../../src/transport/open-transport.js";
import type { Transport } from "../../src/runtime/transport.js";

export interface ClientOptions {
  readonly subprotocols?: readonly string[];
  readonly compress?: boolean;
}

/** A minimal client on the transport port. It records everything that it receives. */
export class PlainClient {
  readonly received: unknown[] = [];
  readonly reads: Buffer[] = [];
  readonly transport: Transport;
  result: HandshakeResult | undefined;
  failure: ProtocolError | undefined;
  protocol: ProtocolConnection | undefined;
  error: Error | undefined;
  refusedWrites = 0;
  isClosed = false;
  hasEnded = false;
  onChange: () => void = () => undefined;
  #isEndHere = false;
  #isRefused = false;
  readonly #waiting: Buffer[] = [];

  constructor(runtime: Runtime, url: string, { subprotocols = [], compress = false }: ClientOptions) {
    const uri = parseUri(url);
    const fillRandom = (bytes: Uint8Array): void => runtime.fillRandom(bytes);
    const resources = new Resources({ fillRandom });
    const offers = compress ? [deflateOffer({})] : [];
    const handshake = new ClientHandshake({ uri, fillRandom, subprotocols, offers });
    const { host, port, isSecure } = uri;
    const readBuffer = Buffer.alloc(65_536);
    const { signal } = new AbortController();
    const target = {
      ...{ url, host, port, isSecure, readBuffer, signal },
      noDelay: true,
      keepAlive: false as const,
    };
    this.transport = runtime.openTransport(target, {
      onPhase: () => undefined,
      onOpen: () => this.write(handshake.request),
      onData: (bytes, length) => {
        this.reads.push(Buffer.from(bytes.subarray(0, length)));
        if (this.protocol !== undefined) this.protocol.receive(bytes, 0, length);
        else {
          this.result = handshake.receive(bytes, 0, length);
          if (this.result?.kind === "accepted") {
            const { extension, consumed } = this.result;
            const handler = this.#handler();
            this.protocol = new ProtocolConnection({
              role: "client",
              resources,
              extension,
              handler,
              maxMessageSize: 2 ** 20,
            });
            this.protocol.receive(bytes, consumed, length);
          }
        }
        this.drain();
        this.onChange();
      },
      onEnd: () => {
        this.hasEnded = true;
        if (this.result === undefined) this.result = handshake.receiveEnd();
        this.end();
        this.onChange();
      },
      onClose: (error) => {
        this.isClosed = true;
        this.error = error;
        this.protocol?.abandon();
        this.onChange();
      },
    });
  }

  get status(): number | undefined {
    return this.result?.kind === "rejected" ? this.result.error.statusCode : undefined;
  }

  header(name: string): string | undefined {
    const headers: readonly HeaderField[] = this.result?.kind === "rejected" ? this.result.error.headers : [];
    return headers.find(([field]) => field.toLowerCase() === name.toLowerCase())?.[1];
  }

  send(...messages: readonly string[]): void {
    for (const message of messages) this.protocol?.text(message);
    this.drain();
  }

  ping(payload: string): void {
    this.protocol?.ping(Buffer.from(payload));
    this.drain();
  }

  close(code?: number): void {
    this.protocol?.close(code);
    this.drain();
  }

  /** Writes bytes unchanged, one write at a time. */
  write(bytes: Uint8Array): void {
    this.#waiting.push(Buffer.from(bytes));
    this.#writeNext();
  }

  #writeNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && !this.#isRefused; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#isRefused = !this.transport.write(next, () => {
        this.#isRefused = false;
        this.#writeNext();
      });
      if (this.#isRefused) this.refusedWrites++;
    }
  }

  end(): void {
    if (this.#isEndHere) return;
    this.#isEndHere = true;
    this.transport.end();
  }

  drain(): void {
    const { protocol } = this;
    for (let bytes = protocol?.take(); bytes !== undefined; bytes = protocol?.take()) {
      this.write(bytes);
      protocol?.written();
    }
  }

  #handler(): ConstructorParameters<typeof ProtocolConnection>[0]["handler"] {
    return {
      onMessage: (data) => this.received.push(data),
      onPing: (payload) => this.received.push({ ping: payload.toString() }),
      onPong: (payload) => this.received.push({ pong: payload.toString() }),
      onClose: (code, reason) => this.received.push({ code, reason }),
      onFailure: (error) => (this.failure = error),
      onEnd: () => undefined,
    };
  }
}

/** The environment of a script. Each test runs in both of them. */
export abstract class World {
  abstract readonly runtime: Runtime;
  readonly clients: PlainClient[] = [];
  readonly errors: unknown[] = [];
  server!: ScriptedServer;

  abstract listen(options: ScriptedServerOptions): Promise<void>;
  /** Runs the event loop until `isTrue` returns `true`. */
  abstract until(isTrue: () => boolean): Promise<void>;
  /** Runs the event loop for a while, so that unexpected events can occur. */
  abstract settle(): Promise<void>;

  dial(options: ClientOptions = {}): PlainClient {
    const client = new PlainClient(this.runtime, this.server.url, options);
    this.clients.push(client);
    return client;
  }

  async open(options: ClientOptions = {}): Promise<PlainClient> {
    const client = this.dial(options);
    await this.until(() => client.protocol !== undefined);
    return client;
  }

  async finish(): Promise<void> {
    for (const client of this.clients) client.transport.destroy();
    await this.server.close();
    await this.until(() => this.clients.every(({ isClosed }) => isClosed));
    await this.settle();
    if (this.server.connections.length > 0) throw new Error("Some connections are still open.");
  }
}

export class MemoryWorld extends World {
  runtime!: VirtualRuntime;

  override listen(options: ScriptedServerOptions): Promise<void> {
    this.server = new ScriptedServer(options);
    this.runtime = new VirtualRuntime({ server: this.server });
    return Promise.resolve();
  }

  override async until(isTrue: () => boolean): Promise<void> {
    for (let rounds = 0; !isTrue(); rounds++) {
      if (rounds === 100) throw new Error("The condition was not met within 100 ms.");
      await this.runtime.advanceAsync(1);
    }
  }

  override settle(): Promise<void> {
    return this.runtime.advanceAsync(10);
  }
}

export class SocketWorld extends World {
  readonly runtime: Runtime = { ...nodeRuntimeWithoutSockets, openTransport };

  override async listen(options: ScriptedServerOptions): Promise<void> {
    this.server = await new ScriptedServer(options).listen();
  }

  override async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  override async settle(): Promise<void> {
    for (let turns = 0; turns < 20; turns++) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
