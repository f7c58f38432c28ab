import { Resources } from "../../protocol/index.js";
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import { checkOptions } from "./check-options.js";
import { ClientGoneError } from "./inbox.js";
import type { Link } from "./link.js";
import { MemoryLink } from "./memory-link.js";
import { type ConnectionContext, ScriptedConnection } from "./scripted-connection.js";
import { Listener } from "./socket-link.js";
import type { VirtualPeer } from "./virtual-peer.js";
import type { VirtualRuntime, VirtualServer } from "./virtual-runtime.js";

export interface ScriptedServerOptions {
  /**
   * The script: called with each client whose opening handshake has come, and with its number, 1 for the first.
   * A script that waits for a client that has gone just ends; with any other error its connection is reset and the error
   * goes to `onError`.
   */
  readonly onConnection: (connection: ScriptedConnection, n: number) => void | Promise<void>;
  /** Called before a byte of the connection has come: for faults in the midst of the opening handshake. */
  readonly onOpen?: ((connection: ScriptedConnection, n: number) => void) | undefined;
  /** Gets what a script throws. Default: an unhandled rejection, which fails a test. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A WebSocket server that does what a script says, byte by byte and fault by fault: on 127.0.0.1 behind {@link listen},
 * or in memory as `new VirtualRuntime({ server })`. The script is the same.
 */
export class ScriptedServer implements VirtualServer, AsyncDisposable {
  readonly #options: ScriptedServerOptions;
  readonly #resources = new Resources({ fillRandom: (bytes) => nodeRuntimeWithoutSockets.fillRandom(bytes) });
  readonly #connections = new Set<ScriptedConnection>();
  /** Those whose script has not ended; it may go on when its client is gone. */
  readonly #playing = new Set<ScriptedConnection>();
  #count = 0;
  #isDown = false;
  #listener: Listener | undefined;

  /** @throws TypeError for an unknown option, and for an option that is not a function. */
  constructor(options: ScriptedServerOptions) {
    this.#options = checkOptions(options, ["onConnection", "onOpen", "onError"]);
    const { onConnection, onOpen = onConnection, onError = onConnection } = this.#options;
    if ([onConnection, onOpen, onError].some((one: unknown) => typeof one !== "function"))
      throw new TypeError(
        "onConnection, onOpen and onError must be functions, and onConnection is required.",
      );
  }

  /** Listens on a free port of 127.0.0.1. */
  async listen(): Promise<this> {
    this.#listener ??= new Listener((link) => this.#open(link));
    await this.#listener.open();
    return this;
  }

  /** `ws://127.0.0.1:<port>` behind {@link listen}. In memory every url leads here, and this is one of them. */
  get url(): string {
    return this.#listener === undefined ? "ws://scripted.test" : `ws://127.0.0.1:${this.#listener.port}`;
  }

  /** Those that are open, in their order. */
  get connections(): readonly ScriptedConnection[] {
    return [...this.#connections];
  }

  /** How many clients have come as far as a connection. */
  get connectionCount(): number {
    return this.#count;
  }

  /** Refuses new connections: the port is closed, in memory they meet ECONNREFUSED. Those that are open stay. */
  goDown(): void {
    this.#isDown = true;
    this.#listener?.shut();
  }

  /** Takes connections again, on the same port. */
  async comeUp(): Promise<void> {
    this.#isDown = false;
    await this.#listener?.open();
  }

  /** Breaks every connection and ends every script that waits; a port is closed. */
  async close(): Promise<void> {
    this.goDown();
    for (const connection of new Set([...this.#connections, ...this.#playing])) connection.abandon();
    await this.#listener?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For {@link VirtualRuntime}, which calls it for each connection. */
  serve(peer: VirtualPeer, runtime: VirtualRuntime): void {
    if (this.#isDown) {
      peer.reach("tcp");
      peer.refuse();
      return;
    }
    this.#open(new MemoryLink(peer, runtime));
    peer.accept();
  }

  #open(link: Link): void {
    const n = ++this.#count;
    const context: ConnectionContext = {
      resources: this.#resources,
      onRequest: (connection) => void this.#play(connection, n),
      onClosed: (connection) => void this.#connections.delete(connection),
    };
    const connection = new ScriptedConnection(link, context);
    this.#connections.add(connection);
    this.#options.onOpen?.(connection, n);
  }

  async #play(connection: ScriptedConnection, n: number): Promise<void> {
    const { onConnection, onError } = this.#options;
    this.#playing.add(connection);
    try {
      await onConnection(connection, n);
    } catch (error) {
      if (error instanceof ClientGoneError) return;
      connection.reset();
      if (onError === undefined) throw error;
      onError(error);
    } finally {
      this.#playing.delete(connection);
    }
  }
}
