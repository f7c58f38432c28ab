// A fixture for pools in virtual time: a scripted server, the pool, and its errors.
import { onTestFinished } from "vitest";
import { createPool, type Pool, type PoolOptions } from "../../src/pool/index.js";
import { type ScriptedConnection, ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";

export type Script = (connection: ScriptedConnection, n: number) => void | Promise<void>;

/** Accepts, and answers each message with the same message. */
export const echoing: Script = async (connection) => {
  connection.accept();
  for await (const message of connection) connection.send(message);
};

export class PoolScene {
  readonly server: ScriptedServer;
  readonly runtime: VirtualRuntime;
  readonly pool: Pool<string, string>;
  readonly errors: Error[] = [];

  constructor(options: Partial<PoolOptions<string, string>> = {}, script: Script = echoing) {
    this.server = new ScriptedServer({ onConnection: script });
    this.runtime = new VirtualRuntime({ server: this.server });
    const url = "endpoints" in options ? {} : { url: "ws://pool.test/" };
    this.pool = createPool<string, string>({ runtime: this.runtime, ...url, ...options } as PoolOptions<
      string,
      string
    >);
    this.pool.on("error", ({ error }) => void this.errors.push(error));
    onTestFinished(() => this.finish());
  }

  /** Runs everything that is due within `ms` milliseconds, promises included. */
  async pass(ms: number = 100): Promise<void> {
    await this.runtime.advanceAsync(ms);
  }

  /** Waits for a promise in virtual time. */
  async settle<Value>(promise: Promise<Value>, ms: number = 100): Promise<Value> {
    // The rejection is handled below.
    promise.catch(() => undefined);
    await this.pass(ms);
    const pending = Symbol("pending");
    const first = await Promise.race([promise, Promise.resolve(pending)]);
    if (first === pending) throw new Error(`The promise did not settle within ${ms} ms of virtual time.`);
    return first;
  }

  /** Closes the pool and the server. Nothing may keep the process running afterwards. */
  async finish(): Promise<void> {
    const closed = this.pool.close({ timeout: 0 });
    await this.pass(60_000);
    await closed;
    await this.server.close();
    await this.pass(60_000);
    if (this.runtime.isHeld) throw new Error("The pool has left a timer or a connection.");
  }
}
