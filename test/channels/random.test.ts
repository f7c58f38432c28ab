// Random runs of channels and requests in virtual time, over losses, rotations, pauses of reading and slow servers.
import { describe, expect, it } from "vitest";
import { type Channel, channels, requests } from "../../src/channels/index.js";
import { WebSocket } from "../../src/index.js";
import { cases } from "../support/cases.js";
import { connectScene, Exchange, feedOptions, randomOf, type Wire } from "./exchange.js";

const timeout = 600_000;

describe("channels of one client that are opened and closed at random", () => {
  it.each([
    ["names", {}],
    [
      "ids and names",
      {
        subscribe: (names: readonly string[], id: number) => ({ op: "sub", channels: names, id }),
        isAck: ({ ack, refused, id }: Wire) =>
          ack === undefined ? undefined : { id: Number(id), channels: String(ack), refused },
      },
    ],
  ])(
    "leave the server with the set of the application after rotations, losses and pauses of reading, acknowledged by %s",
    async (_, acknowledged) => {
      const runs = cases(60);
      for (let seed = 1; seed <= runs; seed++) {
        const random = randomOf(seed);
        const exchange = new Exchange(seed);
        exchange.answer = (name, { wire, subscribed }, id) => {
          const kind = random(12);
          const ack = (refused?: string): void => wire.send({ ack: name, id: id ?? 0, refused: refused! });
          if (kind === 1) {
            ack("busy");
            return;
          }
          // The server also subscribes late, acknowledges late, twice, or not at all.
          if (kind !== 4) subscribed.add(name);
          if (kind === 0 || kind === 4)
            void wire.delay(random(4_000)).then(
              () => {
                subscribed.add(name);
                ack();
              },
              () => undefined,
            );
          else if (kind !== 2) ack();
          if (kind === 3) ack();
        };
        const { feed, ws } = await connectScene({
          exchange,
          feed: {
            ...{ batch: 1 + random(10), ackTimeout: 2_000, onRefused: "retry", ...acknowledged },
            rate: random(2) === 0 ? undefined : 50,
          },
          client: {
            ...{ buffer: 3, backoff: { base: 20, cap: 100 }, setupTimeout: 5_000 },
            rotation: { mode: seed % 3 === 0 ? "replace" : "overlap", overlap: random(2_000) },
          },
        });
        // A slow server makes the feed report, for example, that a rotation does not wait any longer.
        feed.on("error", () => undefined);
        const misplaced: unknown[] = [];
        const open: Channel<Wire>[] = [];
        let loop: AsyncIterator<Wire> | undefined;
        for (let step = 0; step < 400; step++) {
          if (open.length > 20 || (open.length > 0 && random(2) === 0))
            await open.splice(random(open.length), 1)[0]!.close();
          else {
            const channel = feed.open(`c${random(30)}`);
            open.push(channel);
            channel.on("message", ({ data }) => {
              if (data.ch !== channel.name || channel.isClosed) misplaced.push([channel.name, data]);
            });
          }
          if (random(3) === 0) await exchange.pass(random(700));
          for (let count = random(5); count > 0; count--) exchange.publish(`c${random(30)}`);
          const kind = random(60);
          if (kind === 0) exchange.open.at(-1)?.wire.reset();
          if (kind === 1) ws.rotate().catch(() => undefined);
          // A loop that reads slowly pauses the client.
          if (kind === 2) loop ??= ws[Symbol.asyncIterator]();
          if (random(2) === 0) void loop?.next();
          if (kind === 3) {
            await loop?.return?.();
            loop = undefined;
          }
        }
        await loop?.return?.();
        await exchange.pass(400_000);
        const wanted = [...new Set(open.map(({ name }) => name))].sort();
        expect([seed, ...exchange.peer.subscribed].sort()).toEqual([seed, ...wanted].sort());
        expect([exchange.open.length, feed.stats().readyCount, misplaced]).toEqual([1, wanted.length, []]);
        ws.terminate();
        await exchange.pass(10_000);
        expect(exchange.runtime.isHeld).toBe(false);
        await exchange.server.close();
      }
    },
    timeout,
  );
});

describe("channels over several connections that are opened and closed at random", () => {
  it(
    "leave the servers with the set of the application, and the limit holds at all times",
    async () => {
      const limit = 5;
      const runs = Math.ceil(cases(100) / 4);
      for (let seed = 1; seed <= runs; seed++) {
        const random = randomOf(seed);
        const exchange = new Exchange(seed);
        let most = 0;
        exchange.answer = (name, peer) => {
          const kind = random(10);
          if (kind === 1) {
            peer.wire.send({ ack: name, refused: "busy" });
            return;
          }
          peer.subscribed.add(name);
          most = Math.max(most, peer.subscribed.size);
          // A late acknowledgement may arrive after ackTimeout, and another one is lost.
          if (kind === 0)
            void peer.wire.delay(random(4_000)).then(
              () => peer.wire.send({ ack: name }),
              () => undefined,
            );
          else if (kind > 2) peer.wire.send({ ack: name });
        };
        let created = 0;
        const feed = channels<Wire, Wire>({
          ...{ ...feedOptions, batch: 3, ackTimeout: 2_000, onRefused: "retry", runtime: exchange.runtime },
          rate: seed % 2 === 0 ? 20 : undefined,
          shards: {
            maxPerConnection: limit,
            connect: ({ onConnection }) => {
              if (random(5) === 0) throw new Error("no client");
              const reconnect = ++created % 3 !== 0;
              return new WebSocket<Wire, Wire>("wss://exchange.test/", {
                ...{ runtime: exchange.runtime, onConnection, heartbeat: false, reconnect },
              });
            },
          },
        });
        feed.on("error", () => undefined);
        const open: Channel<Wire>[] = [];
        for (let step = 0; step < 400; step++) {
          if (open.length > 20 || (open.length > 0 && random(2) === 0))
            await open.splice(random(open.length), 1)[0]!.close();
          else open.push(feed.open(`c${random(60)}`));
          if (random(3) === 0) await exchange.pass(random(700));
          if (random(30) === 0) exchange.open[random(exchange.open.length)]?.wire.reset();
        }
        await exchange.pass(400_000);
        const wanted = [...new Set(open.map(({ name }) => name))].sort();
        expect(exchange.open.flatMap(({ subscribed }) => [...subscribed]).sort()).toEqual(wanted);
        expect(feed.stats().readyCount).toBe(wanted.length);
        expect(most).toBeLessThanOrEqual(limit);
        void feed.close();
        await exchange.pass(400_000);
        expect([exchange.open.length, exchange.runtime.isHeld]).toEqual([0, false]);
        await exchange.server.close();
      }
    },
    timeout,
  );
});

describe("requests that use ids again", () => {
  it(
    "receive only their own answers over rotations, losses, pauses of reading and second attempts",
    async () => {
      const runs = cases(60);
      for (let seed = 1; seed <= runs; seed++) {
        const random = randomOf(seed);
        const exchange = new Exchange(seed);
        exchange.onOther = ({ id, text }, { wire }) => {
          const kind = random(20);
          if (kind === 0 && seed % 2 === 0) return;
          const answer = (): void => wire.send({ id: id!, text: text! });
          if (kind < 8) answer();
          else void wire.delay(random(kind === 10 ? 3_000 : 200)).then(answer, () => undefined);
        };
        const rpc = requests<Wire, Wire>({ requestTimeout: 500, maxPending: 40 });
        const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
          ...{ runtime: exchange.runtime, onConnection: rpc.onConnection, heartbeat: false, buffer: 3 },
          backoff: { base: 20, cap: 100 },
          rotation: { mode: seed % 3 === 0 ? "replace" : "overlap", overlap: random(200) },
        });
        rpc.attach(ws);
        void ws.connect();
        await exchange.pass(10);
        const wrong: string[] = [];
        let [made, settled, answered] = [0, 0, 0];
        const one = async (): Promise<void> => {
          const text = `${++made}`;
          const id = random(60);
          const abort = random(10) === 0 ? new AbortController() : undefined;
          if (abort !== undefined) exchange.runtime.setTimer(random(200), () => abort.abort());
          const options = { retry: random(2) === 0, signal: abort?.signal, timeout: 100 + random(400) };
          try {
            const answer = await rpc.request({ op: "call", id, text }, options);
            answered++;
            if (answer.text !== text) wrong.push(`${answer.text} instead of ${text}`);
          } catch {
            // The request has ended without an answer.
          }
          settled++;
        };
        let loop: AsyncIterator<Wire> | undefined;
        for (let step = 0; step < 600; step++) {
          for (let count = random(4); count > 0; count--) void one();
          await exchange.pass(random(60));
          const kind = random(60);
          if (kind === 0) exchange.open.at(-1)?.wire.reset();
          if (kind === 1) ws.rotate().catch(() => undefined);
          // A loop that reads slowly pauses the client.
          if (kind === 2) loop ??= ws[Symbol.asyncIterator]();
          if (random(3) === 0) void loop?.next();
          if (kind === 3) {
            await loop?.return?.();
            loop = undefined;
          }
        }
        await loop?.return?.();
        await exchange.pass(20_000);
        expect([seed, wrong, settled, rpc.stats().pendingRequests]).toEqual([seed, [], made, 0]);
        expect(answered).toBeGreaterThan(made / 10);
        ws.terminate();
        await exchange.pass(10_000);
        expect(exchange.runtime.isHeld).toBe(false);
        await exchange.server.close();
      }
    },
    timeout,
  );
});
