/**
 * A WebSocket server for tests that runs a script for each connection. It does not check that a script follows the
 * protocol.
 */
import { Resources } from "../../protocol/index.js";
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import { checkOptions } from "./check-options.js";
import { ClientGoneError } from "./inbox.js";
import type { ByteStream } from "./byte-stream.js";
import { MemoryStream } from "./memory-stream.js";
import { ScriptedConnection } from "./scripted-connection.js";
import { Listener } from "./socket-stream.js";
import type { VirtualPeer } from "./virtual-peer.js";
import type { VirtualRuntime, VirtualServer } from "./virtual-runtime.js";

export interface ScriptedServerOptions {
  /**
   * The script. It is called with each connection whose opening handshake was received, and with the number of the
   * connection (1 for the first). A `ClientGoneError` that the script throws is ignored. After any other error the
   * connection is reset, and `onError` receives the error.
   */
  readonly onConnection: (connection: ScriptedConnection, n: number) => void | Promise<void>;
  /** Called before the first byte of a connection, to create faults during the opening handshake. Default: none. */
  readonly onOpen?: ((connection: ScriptedConnection, n: number) => void) | undefined;
  /** Called with an error that a script throws. Default: an unhandled rejection, which makes a test fail. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A WebSocket server that a script controls down to single bytes and faults. The same script runs on 127.0.0.1 (call
 * {@link listen}) or in memory (`new VirtualRuntime({ server })`).
 */
export class ScriptedServer implements VirtualServer, AsyncDisposable {
  readonly #options: ScriptedServerOptions;
  readonly #resources = new Resources({ fillRandom: (bytes) => nodeRuntimeWithoutSockets.fillRandom(bytes) });
  readonly #connections = new Set<ScriptedConnection>();
  /** Connections whose script has not ended. A script may continue after its client has disconnected. */
  readonly #withRunningScript = new Set<ScriptedConnection>();
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

  /** Listens on a free port of 127.0.0.1. Resolves when the port is open. */
  async listen(): Promise<this> {
    this.#listener ??= new Listener((stream) => this.#open(stream));
    await this.#listener.open();
    return this;
  }

  /**
   * The URL of the server. After {@link listen}, the URL is `ws://127.0.0.1:<port>`. Without {@link listen}, the server
   * works in memory. A server in memory accepts every URL, including the URL that this property returns.
   */
  get url(): string {
    return this.#listener === undefined ? "ws://scripted.test" : `ws://127.0.0.1:${this.#listener.port}`;
  }

  /** The open connections, oldest first. */
  get connections(): readonly ScriptedConnection[] {
    return [...this.#connections];
  }

  /** Number of all connections until now, including closed connections. */
  get connectionCount(): number {
    return this.#count;
  }

  /** Refuses new connections (ECONNREFUSED). Open connections stay open. */
  goDown(): void {
    this.#isDown = true;
    this.#listener?.shut();
  }

  /** Accepts new connections again, on the same port. */
  async comeUp(): Promise<void> {
    this.#isDown = false;
    await this.#listener?.open();
  }

  /** Resets all connections, ends all scripts that wait, and closes the port. */
  async close(): Promise<void> {
    this.goDown();
    for (const connection of new Set([...this.#connections, ...this.#withRunningScript]))
      connection.abandon();
    await this.#listener?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Called by {@link VirtualRuntime} for each connection. */
  serve(peer: VirtualPeer, runtime: VirtualRuntime): void {
    if (this.#isDown) {
      peer.reach("tcp");
      peer.refuse();
      return;
    }
    this.#open(new MemoryStream(peer, runtime));
    peer.accept();
  }

  #open(stream: ByteStream): void {
    const n = ++this.#count;
    const connection = new ScriptedConnection(stream, {
      resources: this.#resources,
      onRequest: () => void this.#runScript(connection, n),
      onClosed: () => void this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    this.#options.onOpen?.(connection, n);
  }

  async #runScript(connection: ScriptedConnection, n: number): Promise<void> {
    const { onConnection, onError } = this.#options;
    this.#withRunningScript.add(connection);
    try {
      await onConnection(connection, n);
    } catch (error) {
      if (error instanceof ClientGoneError) return;
      connection.reset();
      if (onError === undefined) throw error;
      onError(error);
    } finally {
      this.#withRunningScript.delete(connection);
    }
  }
}
