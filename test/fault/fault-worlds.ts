// Runs one fault against one client, in virtual time or on real sockets, and returns the close report.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type CloseReport, WebSocket, type WebSocketOptions } from "../../src/index.js";
import { ScriptedServer, type ScriptedServerOptions, VirtualRuntime } from "../../src/testing/index.js";
import { turns } from "../support/dialling.js";

export type Options = WebSocketOptions<unknown, unknown>;

/** A client, its scripted server and the control of virtual time. */
export interface World {
  readonly ws: WebSocket;
  readonly server: ScriptedServer;
  /** Advances virtual time by `ms` milliseconds. */
  readonly pass: (ms: number) => Promise<void>;
  /** Simulates an event loop that is blocked for `ms` milliseconds. */
  readonly stall: (ms: number) => void;
}

export interface InMemory {
  readonly options?: Options;
  /** Script of each server connection. Default: accept the handshake. */
  readonly script?: ScriptedServerOptions["onConnection"];
  /** True if no server exists, so that the attempt is never answered. */
  readonly isUnanswered?: boolean;
  /** Called 1 s after connect(). */
  readonly act?: (world: World) => unknown;
}

/** Collects every close report of a client, including those of failed attempts and replaced connections. */
class Reports {
  readonly all: CloseReport[] = [];
  readonly #ws: WebSocket;

  constructor(ws: WebSocket) {
    this.#ws = ws;
    subscribe("jetsocket:close", this.#onClose);
    ws.on("closed", ({ report }) => {
      if (this.all.at(-1) !== report) this.all.push(report);
    });
  }

  readonly #onClose = (message: unknown): void => {
    const { client, report } = message as { client: unknown; report: CloseReport };
    if (client === this.#ws) this.all.push(report);
  };

  stop(): void {
    unsubscribe("jetsocket:close", this.#onClose);
  }

  get last(): CloseReport {
    const report = this.all.at(-1);
    if (report === undefined) throw new Error(`Nothing has ended; the client is ${this.#ws.state}.`);
    return report;
  }
}

/** Runs one fault in virtual time. @returns the last report before the client is terminated. */
export async function playInMemory({
  options,
  script,
  isUnanswered = false,
  act,
}: InMemory): Promise<CloseReport> {
  const server = new ScriptedServer({ onConnection: script ?? ((connection) => connection.accept()) });
  const runtime = new VirtualRuntime(isUnanswered ? {} : { server });
  const ws = new WebSocket<unknown, unknown>("ws://user:secret@feed.test/trades", {
    ...{ runtime, reconnect: false, heartbeat: false },
    ...options,
  });
  const reports = new Reports(ws);
  const pass = (ms: number): Promise<void> => runtime.advanceAsync(ms);
  ws.connect().catch(() => undefined);
  await pass(1_000);
  await act?.({ ws, server, pass, stall: (ms) => runtime.stall(ms) });
  await pass(0);
  reports.stop();
  const { last } = reports;
  ws.terminate();
  await server.close();
  await pass(0);
  return last;
}

/** Runs one fault on real sockets until the client has ended. */
export async function playOnSockets(url: string, options: Options = {}): Promise<CloseReport> {
  const ws = new WebSocket<unknown, unknown>(url, { reconnect: false, heartbeat: false, ...options });
  const closed = new Promise<CloseReport>((resolve) => ws.on("closed", ({ report }) => resolve(report)));
  ws.connect().catch(() => undefined);
  const report = await closed;
  await turns(2);
  return report;
}
