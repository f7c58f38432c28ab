import { describe, expect, it } from "vitest";
import type { WebSocket } from "../../src/index.js";
import { steady } from "./scripts.js";
import { type Message, type Options, type Script, Stage } from "./stage.js";

/** The recipe of the guide, as in examples/subscriptions.mjs. */
class Subscriptions {
  readonly #wanted = new Set<string>();
  #asked = new Set<string>();
  #prepared = new Set<string>();
  #ws: WebSocket<Message, string | Uint8Array> | undefined;

  readonly onConnection: Options["onConnection"] = async (connection) => {
    const own = (this.#prepared = new Set<string>());
    for (const channel of this.#wanted) {
      own.add(channel);
      await connection.send(channel);
      await connection.recv({ match: (message) => message === `ok ${channel}`, timeout: 2_000 });
    }
  };

  follow(ws: WebSocket<Message, string | Uint8Array>): void {
    this.#ws = ws;
    const adopt = (): void => {
      this.#asked = this.#prepared;
      this.#catchUp();
    };
    ws.on("connected", adopt).on("reconnected", adopt).on("rotated", adopt);
  }

  add(channel: string): void {
    this.#wanted.add(channel);
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.#ws?.state !== "connected") return;
    for (const channel of this.#wanted) {
      if (this.#asked.has(channel)) continue;
      this.#asked.add(channel);
      void this.#ws.send(channel);
    }
  }
}

/** A server that acknowledges each subscription. `seen` receives the messages of each connection, in order. */
function acknowledging(seen: string[][]): Script {
  return async (connection) => {
    const own: string[] = [];
    seen.push(own);
    connection.accept();
    for await (const message of connection) {
      own.push(String(message));
      connection.send(`ok ${String(message)}`);
    }
  };
}

/** Calls `add` after `turns` microtasks. */
async function addAfter(turns: number, add: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  add();
}

/** How a new connection is made. */
interface Way {
  readonly options: Options;
  begin(ws: WebSocket<Message, string | Uint8Array>, stage: Stage): void;
}

async function play(way: Way, turns: number, isLate: boolean): Promise<string[][]> {
  const seen: string[][] = [];
  const stage = new Stage(acknowledging(seen));
  const subscriptions = new Subscriptions();
  subscriptions.add("trades");
  let isWatching = false;
  const client = stage.createClient({
    backoff: steady,
    ...way.options,
    onConnection: async (connection, signal) => {
      // Adds the channel while the hook runs, or after it.
      if (isWatching && !isLate) void addAfter(turns, () => subscriptions.add("quotes"));
      await subscriptions.onConnection?.(connection, signal);
      if (isWatching && isLate) void addAfter(turns, () => subscriptions.add("quotes"));
    },
  });
  subscriptions.follow(client.ws);
  isWatching = way.options.reconnect === false;
  void client.ws.connect();
  await stage.pass(100);
  isWatching = true;
  way.begin(client.ws, stage);
  await stage.pass(60_000);
  await stage.finish();
  return seen;
}

const ways: [name: string, way: Way][] = [
  ["the first connection", { options: { reconnect: false }, begin: () => undefined }],
  ["a reconnect", { options: {}, begin: (_ws, stage) => stage.connection.reset() }],
  ["a replacing rotation", { options: {}, begin: (ws) => void ws.rotate() }],
  [
    "an overlapping rotation",
    { options: { rotation: { mode: "overlap", overlap: 50 } }, begin: (ws) => void ws.rotate() },
  ],
];

describe.each(ways)("a subscription that is added during the setup of %s", (_name, way) => {
  it.each([
    ["while the hook runs", false],
    ["after the hook", true],
  ])("reaches that connection at every moment: %s", async (_when, isLate) => {
    for (let turns = 0; turns < 25; turns++) {
      const seen = await play(way, turns, isLate);
      expect(seen.at(-1), `after ${turns} turns`).toEqual(expect.arrayContaining(["trades", "quotes"]));
    }
  });
});
