// Long random runs of channels and requests in virtual time. Each run prints what it counted.
import { describe, expect, it } from "vitest";
import { type Channel, channels, requests } from "../../src/channels/index.js";
import { WebSocket } from "../../src/index.js";
import { cases } from "../support/cases.js";
import {
  connectScene,
  Exchange,
  feedOptions,
  namesIn,
  numbersOf,
  type Peer,
  randomOf,
  type Wire,
} from "./exchange.js";

const timeout = 600_000;
const count = (all: Iterable<unknown>): number => [...all].length;

/** Returns the subscribes of each connection that were sent more than once. */
function repeated(peers: readonly Peer[]): string[] {
  return peers.flatMap((peer) => {
    const seen = new Set<string>();
    return namesIn(peer, "sub")
      .flat()
      .filter((name) => seen.size === seen.add(name).size)
      .map((name) => `${peer.number}: ${name}`);
  });
}

/** Acknowledges at once, late, twice, or after an acknowledgement for a wrong channel; refuses each 20th channel. */
function hostileAnswers(exchange: Exchange, random: (below: number) => number): void {
  exchange.answer = (name, peer) => {
    if (Number(name.slice(1)) % 20 === 7) {
      peer.wire.send({ ack: name, refused: "no" });
      return;
    }
    const kind = random(5);
    peer.subscribed.add(name);
    if (kind === 1) {
      void peer.wire.delay(random(3_000)).then(
        () => peer.wire.send({ ack: name }),
        () => undefined,
      );
      return;
    }
    if (kind === 2) peer.wire.send({ ack: `wrong-${name}` });
    peer.wire.send({ ack: name });
    if (kind === 3) peer.wire.send({ ack: name });
  };
}

/** Repeats all messages after the cursors, as the server side of `replay`. */
function repeatFromCursors(exchange: Exchange): void {
  exchange.onOther = ({ op, cursors }, peer) => {
    if (op !== "replay") return;
    for (const [name, { sequence }] of Object.entries(cursors ?? {}))
      for (let n = sequence + 1; n <= (exchange.sequences.get(name) ?? 0); n++)
        peer.wire.send({ ch: name, n });
  };
}

const numbered = { sequence: ({ n }: Wire) => n, streamOf: ({ ch }: Wire) => ch };

describe("500 channels over one connection", () => {
  it.each([["with replay"], ["with numbers only"], ["without replay"]])(
    "survive 200 forced reconnects and 20 rotations, %s",
    async (how) => {
      const hasReplay = how === "with replay";
      const hasNumbers = how !== "without replay";
      const [reconnects, rotations, names] = [cases(200), cases(20), cases(500)];
      const random = randomOf(7);
      const exchange = new Exchange(3);
      hostileAnswers(exchange, random);
      repeatFromCursors(exchange);
      const onReplay = async (
        cursors: object,
        connection: { send(message: Wire): Promise<void> },
      ): Promise<void> => connection.send({ op: "replay", cursors } as Wire);
      const scene = await connectScene({
        exchange,
        client: {
          ...(hasNumbers && {
            replay: hasReplay ? { ...numbered, onReplay, recoveryTimeout: 60_000 } : numbered,
          }),
          rotation: { mode: hasNumbers ? "overlap" : "replace", overlap: 20_000 },
          setupTimeout: 30_000,
          backoff: { base: 50, cap: 200 },
        },
      });
      const { feed, ws } = scene;
      let [refused, gaps, gapSize] = [0, 0, 0];
      const received = new Map<string, number[]>();
      /** For each channel, the number of messages that had arrived at each interruption. */
      const interruptions = new Map<string, Set<number>>();
      for (let index = 0; index < names; index++) {
        const name = `c${index}`;
        const channel = feed.open(name);
        const numbers = numbersOf(channel);
        const interrupted = new Set<number>();
        received.set(name, numbers);
        interruptions.set(name, interrupted);
        channel.on("interrupted", () => interrupted.add(numbers.length));
        channel.on("closed", ({ error }) => void (refused += error === undefined ? 0 : 1));
        channel.on("gap", (event) => {
          gaps++;
          gapSize += Number(event.received) - event.expected!;
        });
      }
      const publishSome = (): void => {
        for (let index = random(names); index < names; index += 1 + random(20)) exchange.publish(`c${index}`);
      };
      await exchange.pass(5_000);
      // Each stream has a cursor from now on, so that every later loss is detected.
      for (const name of received.keys()) exchange.publish(name);
      await exchange.pass();
      const rounds = reconnects + rotations;
      let done = 0;
      for (let round = 0; round < rounds; round++) {
        publishSome();
        await exchange.pass(random(20));
        const isRotation =
          Math.floor(((round + 1) * rotations) / rounds) > Math.floor((round * rotations) / rounds);
        if (isRotation) {
          const rotated = ws.rotate().then(() => (done += 1));
          for (let step = 0; step < 8; step++) {
            publishSome();
            await exchange.pass(1_000);
          }
          await exchange.pass(20_000);
          await rotated;
        } else {
          exchange.peer.wire.reset();
          await exchange.pass(random(2));
          publishSome();
          await exchange.pass(1_000 + random(5_000));
        }
        if (ws.state !== "connected") await exchange.pass(1_000);
      }
      await exchange.pass(5_000);
      for (let index = 0; index < names; index++) exchange.publish(`c${index}`);
      await exchange.pass(100_000);
      const accepted = [...received].filter(([name]) => Number(name.slice(1)) % 20 !== 7);
      let total = 0;
      let missing = 0;
      let hidden = 0;
      for (const [name, numbers] of accepted) {
        total += numbers.length;
        const last = exchange.sequences.get(name) ?? 0;
        missing += last - numbers.length;
        // In order and without duplicates. Messages before the first acknowledgement do not exist.
        expect(numbers.every((n, at) => at === 0 || n > numbers[at - 1]!)).toBe(true);
        // A jump between two messages without an interruption between them would be a loss that is not reported.
        hidden += numbers.filter(
          (n, at) => at > 0 && n > numbers[at - 1]! + 1 && !interruptions.get(name)!.has(at),
        ).length;
        if (hasReplay) expect(numbers).toEqual(Array.from({ length: last }, (_, at) => at + 1));
      }
      console.log(
        `${names} channels, ${how}: ${exchange.peers.length} connections, ${done} rotations, ${refused} refused, ` +
          `${total} messages, ${missing} missing, ${gaps} gaps of ${gapSize} messages, ${hidden} losses without report, ` +
          `${repeated(exchange.peers).length} repeated subscribes`,
      );
      expect(done).toBe(rotations);
      expect(refused).toBe(count([...received.keys()].filter((name) => Number(name.slice(1)) % 20 === 7)));
      expect(repeated(exchange.peers)).toEqual([]);
      if (hasReplay) expect([missing, gaps]).toEqual([0, 0]);
      else expect(missing).toBeGreaterThan(0);
      if (hasNumbers) expect(gapSize).toBe(missing);
      else expect(hidden).toBe(0);
      expect(feed.stats().readyCount).toBe(accepted.length);
      ws.terminate();
      await exchange.server.close();
    },
    timeout,
  );
});

describe("50 tasks that open and close channels at random", () => {
  it(
    "leave the server with the set of the application",
    async () => {
      const all = cases(10_000);
      const random = randomOf(11);
      const exchange = new Exchange(5);
      const scene = await connectScene({
        exchange,
        feed: { batch: 20, ackTimeout: 2_000, onRefused: "retry" },
      });
      const { feed, ws } = scene;
      exchange.answer = (name, peer) => {
        const kind = random(10);
        // A slow server subscribes when it acknowledges; a lost acknowledgement ends with ackTimeout.
        if (kind === 0)
          void peer.wire.delay(random(4_000)).then(
            () => exchange.accept(name, peer),
            () => undefined,
          );
        else if (kind === 1) peer.wire.send({ ack: name, refused: "busy" });
        else if (kind === 2) peer.subscribed.add(name);
        else exchange.accept(name, peer);
      };
      let left = all;
      const open: Channel<Wire>[][] = Array.from({ length: 50 }, () => []);
      const task = async (mine: Channel<Wire>[]): Promise<void> => {
        for (; left > 0; left--) {
          if (mine.length > 0 && random(2) === 0) await mine.splice(random(mine.length), 1)[0]!.close();
          else mine.push(feed.open(`c${random(200)}`));
          const pause = random(3);
          if (pause > 0)
            await new Promise<void>((resolve) => void exchange.runtime.setTimer(random(400), resolve));
        }
      };
      const tasks = Promise.all(open.map(task));
      for (let time = 0; left > 0; time += 100) {
        await exchange.pass(100);
        if (time % 700 === 0 && exchange.open.length > 0) exchange.peer.wire.reset();
      }
      await exchange.pass(1_000);
      await tasks;
      await exchange.pass(200_000);
      const wanted = new Set(open.flat().map(({ name }) => name));
      console.log(
        `${all} opens and closes: ${exchange.peers.length} connections, the application wants ${wanted.size} channels, ` +
          `the server has ${exchange.peer.subscribed.size}`,
      );
      expect([...exchange.peer.subscribed].sort()).toEqual([...wanted].sort());
      for (const channel of open.flat()) await channel.close();
      await exchange.pass(10_000);
      expect([...exchange.peer.subscribed]).toEqual([]);
      ws.terminate();
      await exchange.server.close();
    },
    timeout,
  );
});

describe("5,000 channels over ten connections with a limit of 500", () => {
  it(
    "are all accepted again after connections are killed at random, and the limit holds at all times",
    async () => {
      const limit = cases(500);
      const names = limit * 10;
      const random = randomOf(13);
      const exchange = new Exchange(9);
      let most = 0;
      exchange.answer = (name, peer) => {
        exchange.accept(name, peer);
        most = Math.max(most, peer.subscribed.size);
      };
      let created = 0;
      const feed = channels<Wire, Wire>({
        ...feedOptions,
        runtime: exchange.runtime,
        shards: {
          maxPerConnection: limit,
          connect: ({ onConnection }) => {
            created++;
            // Every third client does not reconnect, so its channels are moved to other clients.
            const reconnect = created % 3 !== 0;
            return new WebSocket<Wire, Wire>("wss://exchange.test/", {
              ...{ runtime: exchange.runtime, onConnection, heartbeat: false, reconnect },
            });
          },
        },
      });
      const all = Array.from({ length: names }, (_, index) => feed.open(`c${index}`));
      const received = all.map(numbersOf);
      await exchange.pass(10_000);
      expect([feed.stats().readyCount, exchange.open.length]).toEqual([names, 10]);
      const kills = cases(100);
      for (let kill = 0; kill < kills; kill++) {
        const { open } = exchange;
        open[random(open.length)]?.wire.reset();
        await exchange.pass(random(500));
      }
      await exchange.pass(200_000);
      const before = received.map(({ length }) => length);
      for (const { name } of all) exchange.publish(name);
      await exchange.pass(1_000);
      console.log(
        `${names} channels: ${exchange.open.length} connections after ${kills} kills, ${created} clients, at most ` +
          `${most} channels on a connection, ${feed.stats().readyCount} ready`,
      );
      expect(most).toBeLessThanOrEqual(limit);
      expect(feed.stats().readyCount).toBe(names);
      expect(received.map(({ length }, index) => length - before[index]!)).toEqual(Array(names).fill(1));
      void feed.close();
      await exchange.pass(100_000);
      expect([exchange.open.length, exchange.runtime.isHeld]).toEqual([0, false]);
      await exchange.server.close();
    },
    timeout,
  );
});

describe("100,000 requests", () => {
  it(
    "with random delays, losses and ends of the connection receive only their own answers, and none is left pending",
    async () => {
      const all = cases(100_000);
      const random = randomOf(17);
      const exchange = new Exchange(2);
      exchange.onOther = (message, { wire }) => {
        const answer = { id: message.id!, text: `answer ${message.text}` };
        const kind = random(20);
        if (kind === 0) return;
        if (kind < 10) wire.send(answer);
        else
          void wire.delay(random(kind === 10 ? 4_000 : 300)).then(
            () => wire.send(answer),
            () => undefined,
          );
      };
      const rpc = requests<Wire, Wire>({ requestTimeout: 1_000 });
      const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
        ...{ runtime: exchange.runtime, onConnection: rpc.onConnection, heartbeat: false },
        backoff: { base: 20, cap: 100 },
      });
      rpc.attach(ws);
      void ws.connect();
      await exchange.pass(10);
      const counts: Record<string, number> = { answered: 0, wrong: 0 };
      let settled = 0;
      rpc.on("unrouted", ({ cause }) => void (counts[cause] = (counts[cause] ?? 0) + 1));
      const one = async (id: number): Promise<void> => {
        const isRetried = random(2) === 0;
        // Half of the requests have no id for the feed: a function recognizes their answers.
        const how = random(2) === 0 ? { id } : { matches: (message: Wire) => message.id === id };
        const abort = random(50) === 0 ? new AbortController() : undefined;
        if (abort !== undefined) exchange.runtime.setTimer(random(200), () => abort.abort("stop"));
        try {
          const answer = await rpc.request(
            { op: "call", id, text: `${id}` },
            { ...how, retry: isRetried, signal: abort?.signal },
          );
          counts[answer.text === `answer ${id}` ? "answered" : "wrong"]!++;
        } catch (error) {
          const { code } = error as { readonly code?: string };
          const key = code ?? String(error);
          counts[key] = (counts[key] ?? 0) + 1;
        }
        settled++;
      };
      for (let id = 1; id <= all; id++) {
        void one(id);
        if (id % 50 === 0) await exchange.pass(20 + random(20));
        if (id % 2_000 === 0 && exchange.open.length > 0) exchange.peer.wire.reset();
      }
      await exchange.pass(10_000);
      console.log(`${all} requests, ${exchange.peers.length} connections: ${JSON.stringify(counts)}`);
      expect([settled, counts["wrong"], rpc.stats().pendingRequests]).toEqual([all, 0, 0]);
      ws.terminate();
      await exchange.pass();
      expect(exchange.runtime.isHeld).toBe(false);
      await exchange.server.close();
    },
    timeout,
  );
});
