// Runs a client and collects everything that it shows: errors, events, reports, diagnostics and warnings. It does not
// look for secrets.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import type { EventName, WebSocket, WebSocketOptions } from "../../src/index.js";

/** The package, which a test imports and a child process loads from its transpiled files. */
export type Package = typeof import("../../src/index.js");
type Client = WebSocket;

/** All text of one kind that a client has shown. */
export type Surfaces = ReadonlyMap<string, string>;

const events: readonly EventName[] = [
  ...([
    "connecting",
    "connected",
    "reconnected",
    "disconnected",
    "reconnecting",
    "error",
    "stateChange",
  ] as const),
  ...(["closing", "closed", "gap", "recovered", "reset", "rotated", "paused", "resumed", "drain"] as const),
];
const channels = ["open", "close", "reconnect", "ping", "frame"].map((name) => `jetsocket:${name}`);

/** Records what is shown while a client runs. */
export class Recorder {
  readonly #package: Package;
  readonly #shown: (readonly [surface: string, value: unknown])[] = [];
  readonly #emitWarning = process.emitWarning.bind(process);
  readonly #onMessage = (message: unknown, name: string | symbol): void =>
    this.add(`channel ${String(name)}`, message);

  constructor(given: Package) {
    this.#package = given;
    for (const channel of channels) subscribe(channel, this.#onMessage);
    process.emitWarning = (...warning: unknown[]): void => this.add("warning", warning);
  }

  add(surface: string, value: unknown): void {
    this.#shown.push([surface, value]);
  }

  /** Creates a client whose events are recorded. */
  create(
    url: ConstructorParameters<Package["WebSocket"]>[0],
    options: WebSocketOptions<unknown, unknown>,
  ): Client {
    const client: Client = new this.#package.WebSocket(url, { heartbeat: false, ...options });
    for (const name of events)
      client.on(name, (event: unknown) => {
        this.add(`event ${name}`, event);
        if (name === "closed") this.add("client", client);
      });
    return client;
  }

  /** Waits for a call and records its error. */
  async catch(surface: string, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.add(surface, error);
    }
  }

  /** Stops recording. Returns the text of each surface. */
  end(client: Client | undefined): Surfaces {
    for (const channel of channels) unsubscribe(channel, this.#onMessage);
    process.emitWarning = this.#emitWarning;
    if (client !== undefined) {
      this.add("stats", client.stats());
      this.add(
        "prometheus",
        this.#package.prometheus([{ stats: client.stats(), labels: { url: client.url } }]),
      );
      this.add("lastReport", client.lastReport);
      this.add("url", client.url);
    }
    const texts = new Map<string, string>();
    const append = (surface: string, text: string): void =>
      void texts.set(surface, `${texts.get(surface) ?? ""}${text}\n`);
    for (const [surface, value] of this.#shown)
      for (const [way, text] of Object.entries(outputsOf(value))) append(`${surface}, ${way}`, text);
    return texts;
  }
}

/** Everything by which a program shows a value, by intention or by accident. */
function outputsOf(value: unknown): Record<string, string> {
  const hidden = { depth: 9, showHidden: true, maxStringLength: null, maxArrayLength: null } as const;
  return {
    inspected: inspect(value, hidden),
    "inspected without custom functions": inspect(value, { ...hidden, customInspect: false }),
    "as JSON": JSON.stringify([value]),
    iterated: textsIn(value, new Set()).join("\n"),
  };
}

/** The strings of all own enumerable properties, of the causes of errors, and of everything iterable. */
function textsIn(value: unknown, seen: Set<unknown>): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || seen.has(value)) return [];
  seen.add(value);
  const own: unknown[] =
    value instanceof Error ? [value.message, value.stack, String(value), value.cause] : [];
  const { report, errors } = value as Readonly<Record<string, unknown>>;
  const items: unknown[] = Array.isArray(value) ? value.concat(String(value)) : Object.entries(value).flat();
  return [...own, report, errors, ...items].flatMap((item) => textsIn(item, seen));
}
