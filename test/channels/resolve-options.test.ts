import { describe, expect, it } from "vitest";
import { channels, requests } from "../../src/channels/index.js";
import { resolveChannelsOptions } from "../../src/channels/resolve-options.js";
import { WebSocket } from "../../src/index.js";
import { feedOptions } from "./exchange.js";

const valid = feedOptions as never;
const feed = channels(valid);

describe("the options of channels()", () => {
  it("have the documented defaults", () => {
    expect(resolveChannelsOptions(valid)).toMatchObject({
      channels: {
        ...{
          batchSize: 100,
          batchDelay: 0,
          interval: 0,
          ackTimeout: 10_000,
          onRefused: "giveUp",
          shards: undefined,
        },
        backoff: { base: 1_000, cap: 60_000 },
        buffer: { capacity: 1_000, maxBytes: 4_194_304, overflow: "dropOldest" },
      },
      ...{ idOf: undefined, maxPending: 10_000, requestTimeout: 30_000 },
    });
  });

  it("are converted to the values that the feed uses", () => {
    const given = { ...feedOptions, batch: { size: 7, delay: 20 }, rate: 0.5, buffer: 9 };
    expect(resolveChannelsOptions(given as never).channels).toMatchObject({
      ...{
        batchSize: 7,
        batchDelay: 20,
        interval: 2_000,
        buffer: { capacity: 9, maxBytes: 4_194_304, overflow: "dropOldest" },
      },
    });
    expect(resolveChannelsOptions({ ...feedOptions, batch: 3 } as never).channels?.batchSize).toBe(3);
  });

  it.each<[string, unknown]>([
    ...["channelOf", "subscribe", "unsubscribe"].flatMap((name): [string, unknown][] => [
      [name, undefined],
      [name, "f"],
      [name, null],
    ]),
    ...["isAck", "idOf"].map((name): [string, unknown] => [name, {}]),
    ...[0, -1, 1.5, "5", Number.NaN, null].map((value): [string, unknown] => ["batch", value]),
    ["batch", { size: 0 }],
    ["batch", { delay: -1 }],
    ["batch", { sizes: 1 }],
    ...[0, -1, "5", Number.NaN].map((value): [string, unknown] => ["rate", value]),
    ...[0, -1, Infinity, "5", 2 ** 31].map((value): [string, unknown] => ["ackTimeout", value]),
    ...["stop", 5, {}, null].map((value): [string, unknown] => ["onRefused", value]),
    ["backoff", { base: 0 }],
    ["backoff", { cap: "1" }],
    ["backoff", { max: 1 }],
    ["backoff", 5],
    ...[0, -1, 1.5, "5", null].map((value): [string, unknown] => ["buffer", value]),
    ["buffer", { overflow: "pause" }],
    ["buffer", { overflow: "conflate" }],
    ["buffer", { keyOf: () => 1 }],
    ["buffer", { size: 1 }],
    ["shards", {}],
    ["shards", { maxPerConnection: 5 }],
    ["shards", { maxPerConnection: 0, connect: () => undefined }],
    ["shards", { maxPerConnection: 5, connect: "ws://a.test/" }],
    ["shards", true],
    ...[0, 1.5, "5"].map((value): [string, unknown] => ["maxPending", value]),
    ...[-1, "5", Number.NaN].map((value): [string, unknown] => ["requestTimeout", value]),
    ["runtime", 5],
    ["runtime", null],
    ["acktimeout", 5],
  ])("are refused with the name in the message: %s %o", (name, value) => {
    const create = (): unknown => channels({ ...feedOptions, [name]: value } as never);
    expect(create).toThrow(new RegExp(name));
    expect(create).toThrow(/TypeError|RangeError|must|Unknown|effect/);
  });

  it.each([[undefined], [null], ["x"], [[]]])("must be an object, not %j", (given) => {
    expect(() => channels(given as never)).toThrow(TypeError);
  });

  it("are not read from a polluted prototype", () => {
    const polluted = Object.create({ channelOf: () => "a" }) as object;
    expect(() => channels(polluted as never)).toThrow("channelOf");
  });
});

describe("the options of requests()", () => {
  it("are not a client, which has no own properties and would otherwise pass for no options", () => {
    const ws = new WebSocket("ws://feed.test/");
    expect(() => requests(ws as never)).toThrow("not a client. Call attach(ws) of the result.");
  });

  it("are optional, and those of channels are refused", () => {
    expect(requests().stats().pendingRequests).toBe(0);
    expect(() => requests({ channelOf: () => "a" } as never)).toThrow("channelOf");
    for (const wrong of [null, 5, "x"]) expect(() => requests(wrong as never)).toThrow(TypeError);
  });
});

describe("the arguments of open()", () => {
  it.each([[undefined], [null], [""], [5], [{}], [["a"]], [Symbol("a")]])("refuse the name %s", (name) => {
    expect(() => feed.open(name as never)).toThrow(TypeError);
  });

  it.each([[null], [5], [{ capacity: 5 }], [{ buffer: 0 }], [{ buffer: { overflow: "pause" } }]])(
    "refuse the options %j",
    (options) => {
      expect(() => feed.open("a", options as never)).toThrow();
      expect(feed.stats().channelCount).toBe(0);
    },
  );

  it("may name a property of objects", async () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect(feed.open(name).name).toBe(name);
      await feed.open(name).close();
    }
    expect(feed.stats().channelCount).toBe(3);
    await feed.close();
  });
});
