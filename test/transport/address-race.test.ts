import { once } from "node:events";
import { connect, createServer, type AddressInfo, type LookupFunction, type Server, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AddressRace, type AddressRaceContext } from "../../src/transport/address-race.js";

let server: Server;
let port: number;
let races: AddressRace[];
let log: unknown[];
/** Sockets that neither connect nor fail, by their address. */
let silent: Map<string, Socket>;

beforeEach(async () => {
  server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
  races = [];
  log = [];
  silent = new Map();
});

afterEach(async () => {
  vi.useRealTimers();
  for (const race of races) race.stop();
  for (const socket of silent.values()) expect(socket.destroyed).toBe(true);
  server.close();
  await once(server, "close");
});

const answering =
  (...addresses: readonly string[]): LookupFunction =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );

/**
 * Connects `127.0.0.1` to the server. Other addresses in `127.0.0.0/8` refuse at once, and all others stay silent.
 */
function connectTo(address: string): Socket {
  log.push(address);
  if (/^127\./.test(address)) return connect({ host: address, port: address === "127.0.0.1" ? port : 1 });
  const socket = new Socket();
  silent.set(address, socket);
  return socket;
}

interface Outcome {
  readonly socket?: Socket;
  readonly error?: Error;
  readonly race: AddressRace;
}

async function run(given: Partial<AddressRaceContext>): Promise<Outcome> {
  return new Promise((resolve) => {
    const context = { host: "feed.test", port, connect: connectTo, ...given };
    const race = new AddressRace(context, {
      onLookup: () => log.push("lookup"),
      onConnected: (socket) => {
        socket.destroy();
        resolve({ race, socket });
      },
      onFailed: (error) => resolve({ race, error }),
    });
    races.push(race);
  });
}

const resultsOf = (race: AddressRace): string[] =>
  race.attempts.map(({ address, result }) => `${address} ${result}`);

describe("AddressRace", () => {
  it("connects to an address without a lookup", async () => {
    const { race } = await run({ host: "127.0.0.1" });
    expect(log).toEqual(["127.0.0.1"]);
    expect(race.attempts).toEqual([
      {
        ...{ address: "127.0.0.1", port, result: "connected", error: undefined },
        ...{ atMs: expect.any(Number) as number, durationMs: expect.any(Number) as number },
      },
    ]);
  });

  it("tries the families in turn, beginning with the first one", async () => {
    const lookup = answering("::1", "::2", "::3", "127.0.0.5", "127.0.0.6");
    const fail = (address: string): Socket => connectTo(address).destroy(new Error(`no ${address}`));
    const { race, error } = await run({ lookup, connect: fail });
    expect(log).toEqual(["lookup", "::1", "127.0.0.5", "::2", "127.0.0.6", "::3"]);
    expect(resultsOf(race).every((result) => result.endsWith("failed"))).toBe(true);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.length).toBe(5);
    expect(error!.message).toBe("no ::1; no 127.0.0.5; no ::2; no 127.0.0.6; no ::3");
  });

  it("tries an address once, even if the lookup returns it twice", async () => {
    const { error } = await run({ lookup: answering("127.0.0.5", "127.0.0.5") });
    expect(log).toEqual(["lookup", "127.0.0.5"]);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("starts the next attempt when one fails", async () => {
    const { race } = await run({ lookup: answering("127.0.0.5", "127.0.0.6", "127.0.0.1") });
    expect(resultsOf(race)).toEqual(["127.0.0.5 failed", "127.0.0.6 failed", "127.0.0.1 connected"]);
    expect(race.attempts[2]!.atMs).toBeLessThan(200);
    expect(race.attempts[0]!.error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("starts the next attempt after 250 ms of silence, and destroys the losers", async () => {
    const { race } = await run({ lookup: answering("192.0.2.1", "::1", "127.0.0.1") });
    expect(resultsOf(race)).toEqual(["192.0.2.1 abandoned", "::1 abandoned", "127.0.0.1 connected"]);
    expect(race.attempts[1]!.atMs).toBeGreaterThanOrEqual(249);
    expect(race.attempts[2]!.atMs).toBeGreaterThanOrEqual(499);
    expect(race.attempts[2]!.atMs).toBeLessThan(1_500);
  });

  it("reaches the twentieth address", async () => {
    const dead = Array.from({ length: 19 }, (_, index) => `127.0.1.${index}`);
    const { race } = await run({ lookup: answering(...dead, "127.0.0.1") });
    expect(race.attempts.length).toBe(20);
    expect(race.attempts[19]!.result).toBe("connected");
  });

  it("uses only addresses of the family of localAddress, if there are any", async () => {
    await run({ lookup: answering("::1", "127.0.0.1"), localAddress: "127.0.0.1" });
    expect(log).toEqual(["lookup", "127.0.0.1"]);
  });

  it("does not call its handler after stop()", async () => {
    const race = new AddressRace(
      { host: "feed.test", port, connect: connectTo, lookup: answering("127.0.0.1") },
      {
        onLookup: () => log.push("lookup"),
        onConnected: () => log.push("on"),
        onFailed: () => log.push("off"),
      },
    );
    race.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(log).toEqual([]);
  });

  it("can be stopped while addresses are silent", async () => {
    const none = { onLookup: () => undefined, onConnected: () => undefined, onFailed: () => undefined };
    const lookup = answering("192.0.2.1", "192.0.2.2");
    const race = new AddressRace({ host: "feed.test", port, connect: connectTo, lookup }, none);
    await vi.waitFor(() => expect(silent.size).toBe(1));
    race.unref();
    race.ref();
    race.stop();
    expect(resultsOf(race)).toEqual(["192.0.2.1 abandoned"]);
  });
});

describe("a lookup", () => {
  it.each([
    ["a single address", "127.0.0.1", "127.0.0.1"],
    ["an array with garbage", [undefined, { address: "x" }, { address: "127.0.0.1" }], "127.0.0.1"],
  ])("may return %s", async (_what, found, address) => {
    await run({ lookup: (_n, _o, callback) => callback(null, found as never, 4) });
    expect(log).toEqual(["lookup", address]);
  });

  it.each([
    ["nothing", undefined],
    ["an empty array", []],
    ["a name", "elsewhere.test"],
    ["a number", 5],
  ])("that returns %s fails with the name of the host", async (_what, found) => {
    const { error } = await run({ lookup: (_n, _o, callback) => callback(null, found as never) });
    expect(error).toMatchObject({ code: "ENOTFOUND", message: "lookup found no IP address for feed.test" });
  });

  it("that throws or fails ends the race with its error", async () => {
    const thrown = new Error("thrown");
    const throwing = (): never => {
      throw thrown;
    };
    expect((await run({ lookup: throwing })).error).toBe(thrown);
    expect((await run({ lookup: (_n, _o, callback) => callback(thrown, []) })).error).toBe(thrown);
  });

  it("that calls back twice has no further effect", async () => {
    const { race } = await run({
      lookup: (name, options, callback) => {
        answering("127.0.0.1")(name, options, callback);
        answering("127.0.0.5")(name, options, callback);
      },
    });
    expect(resultsOf(race)).toEqual(["127.0.0.1 connected"]);
  });

  it("may return a thousand addresses", async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `127.${1 + (index >> 8)}.0.${index & 255}`);
    const { error, race } = await run({ lookup: answering(...many) });
    expect(race.attempts.length).toBe(1_000);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });
});

it("an exception of connect() ends the race, because every address would fail in the same way", async () => {
  const refused = new TypeError("bad option");
  const { error, race } = await run({
    lookup: answering("127.0.0.1", "127.0.0.5"),
    connect: () => {
      throw refused;
    },
  });
  expect(error).toBe(refused);
  expect(resultsOf(race)).toEqual(["127.0.0.1 failed"]);
});
