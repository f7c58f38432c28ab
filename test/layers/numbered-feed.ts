// A scripted server with a numbered stream in each direction, for tests that no message is lost, duplicated or
// reordered.
import { type ScriptedConnection, ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { type Options, RecordedClient } from "../support/scene.js";

/** A numbered message from the client, and the connection on which it arrived. */
export interface ReceivedId {
  readonly connection: number;
  readonly id: number;
}

/**
 * A server that sends one numbered stream to all connections. It repeats the stream from the number in `from
 * 17`, or in one answer to `list 17`. It records and acknowledges numbered messages (`id 4`).
 */
export class NumberedFeed {
  readonly clock: VirtualRuntime;
  readonly counting: CountingRuntime;
  readonly server: ScriptedServer;
  readonly received: ReceivedId[] = [];
  /** Errors of the scripted server and its connections. */
  readonly errors: unknown[] = [];
  /** The number of the last message to the clients, and of the last one from them. */
  last = 0;
  sent = 0;
  /** The ids whose `send()` has resolved. */
  readonly accepted: number[] = [];
  /** The number of next handshakes that are answered with 503. */
  rejectCount = 0;
  readonly #connections = new Set<ScriptedConnection>();
  readonly #cut = new WeakSet<ScriptedConnection>();

  constructor(seed = 1) {
    this.server = new ScriptedServer({
      onConnection: (connection, n) => this.#serve(connection, n),
      onError: (error) => void this.errors.push(error),
    });
    this.clock = new VirtualRuntime({ seed, server: this.server });
    this.counting = createCountingRuntime(this.clock);
  }

  /** The connections that receive the stream. */
  get connections(): readonly ScriptedConnection[] {
    return [...this.#connections];
  }

  /** Breaks the newest connection after it has received `bytes` more bytes. */
  cutWithin(bytes: number): void {
    const connection = this.connections.at(-1);
    if (connection === undefined || this.#cut.has(connection)) return;
    this.#cut.add(connection);
    connection.resetAfterReceiving(bytes);
  }

  /** The received ids without duplicates, in the order of their first arrival. */
  get ids(): number[] {
    return [...new Set(this.received.map(({ id }) => id))];
  }

  watch(options: Options): RecordedClient {
    return new RecordedClient("ws://feed.test", {
      runtime: this.counting.runtime,
      reconnect: true,
      ...options,
    });
  }

  async #serve(connection: ScriptedConnection, n: number): Promise<void> {
    if (this.rejectCount > 0) {
      this.rejectCount--;
      connection.reject(503);
      return;
    }
    connection.accept();
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    for await (const message of connection) this.#answer(connection, n, String(message).split(" "));
    this.#connections.delete(connection);
  }

  #answer(connection: ScriptedConnection, n: number, [word, number]: string[]): void {
    const texts: string[] = [];
    if (word === "id") {
      this.received.push({ connection: n, id: Number(number) });
      connection.send(`ack ${number}`);
      return;
    }
    for (let id = Number(number) + 1; id <= this.last; id++) texts.push(`default:${id}`);
    if (word === "list") connection.send(["list", ...texts].join(" "));
    else for (const text of texts) connection.send(text);
  }

  /**
   * Sends one more message in each direction, and advances 1 ms. @param padding - Bytes to add to the client's
   * message.
   */
  async step(client: RecordedClient, padding = 0): Promise<void> {
    this.last++;
    for (const connection of this.#connections) connection.send(`default:${this.last}`);
    const id = ++this.sent;
    client.ws.send(`id ${id} ${"x".repeat(padding)}`).then(
      () => this.accepted.push(id),
      () => undefined,
    );
    await this.clock.advanceAsync(1);
  }
}
