// A test fixture for transports over real sockets. It does not speak HTTP or WebSocket.
import { expect } from "vitest";
import type { Transport, TransportTarget } from "../../src/runtime/transport.js";
import { createCountingRuntime, type CountingRuntime } from "./counting-runtime.js";
import { RawServer, type RawServerOptions } from "./raw-server.js";
import { RecordingHandler } from "./recording-handler.js";

export interface Dialled {
  readonly transport: Transport;
  readonly handler: RecordingHandler;
}

const socketResources = /^(TCP|TLS|Pipe|GetAddrInfo)/;

/** The sockets and look-ups that keep the process running. */
export function socketsInUse(): string[] {
  return process.getActiveResourcesInfo().filter((name) => socketResources.test(name));
}

/** Waits for `count` turns of the event loop. By then, data in the kernel has been read. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Opens servers and transports for a test. finish() checks that they leave no resources. */
export class Dialling {
  readonly counting: CountingRuntime = createCountingRuntime();
  readonly #before = socketsInUse();
  readonly #servers: RawServer[] = [];
  readonly #dialled: Dialled[] = [];

  async listen(options: RawServerOptions = {}): Promise<RawServer> {
    const server = new RawServer(options);
    this.#servers.push(server);
    return server.listen();
  }

  dial(given: Partial<TransportTarget> = {}): Dialled {
    const target: TransportTarget = {
      url: "ws://127.0.0.1/",
      host: "127.0.0.1",
      port: 1,
      isSecure: false,
      noDelay: true,
      keepAlive: false,
      signal: new AbortController().signal,
      readBuffer: Buffer.alloc(65_536),
      ...given,
    };
    const handler = new RecordingHandler();
    const transport = handler.watch(this.counting.runtime.openTransport(target, handler));
    const dialled = { transport, handler };
    this.#dialled.push(dialled);
    return dialled;
  }

  /** Destroys open transports, waits for their end, and checks the rules of the port. */
  async finish(): Promise<void> {
    for (const { transport, handler } of this.#dialled) {
      transport.destroy();
      await handler.untilCall("close");
      expect(handler.faults).toEqual([]);
    }
    this.counting.assertIdle();
    await Promise.all(this.#servers.map((server) => server.close()));
    await turns(3);
    expect(socketsInUse()).toEqual(this.#before);
  }
}
