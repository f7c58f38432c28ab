import { describe, expect, it } from "vitest";
import { CloseError, TimeoutError } from "../../src/index.js";
import { never } from "../support/never.js";
import { rejectedWith, breaking, day, drop, inSequence, refusing, steady } from "./scripts.js";
import { accepting, type Options, rejection, Stage } from "./stage.js";

describe("providers", () => {
  it("are called at each attempt, with its number, the last report and a signal", async () => {
    const asked: {
      readonly attempt: number;
      readonly verdict: string | undefined;
      readonly signal: AbortSignal;
    }[] = [];
    const paths: string[] = [];
    const fields: unknown[] = [];
    const script = inSequence(refusing(503), breaking(5), drop, accepting);
    const stage = new Stage((connection, n) => {
      const { resource, headers, subprotocols } = connection.request;
      paths.push(resource);
      fields.push([headers.find(([name]) => name === "Authorization")?.[1], ...subprotocols]);
      return script(connection, n);
    });
    const options: Options = {
      retryInitial: true,
      backoff: steady,
      headers: async ({ attempt }) => Promise.resolve({ Authorization: `Bearer ${attempt}` }),
      subprotocols: async () => Promise.resolve(["chat"]),
    };
    const client = stage.createClient(options, async ({ attempt, lastReport, signal }) => {
      asked.push({ attempt, verdict: lastReport?.verdict, signal });
      await Promise.resolve();
      return `ws://feed.test/n${asked.length}`;
    });
    void client.ws.connect();
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(asked.map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2]);
    expect(asked.map(({ verdict }) => verdict)).toEqual([
      undefined,
      "server-error",
      "network-lost",
      "network-lost",
    ]);
    expect(paths).toEqual(["/n1", "/n2", "/n3", "/n4"]);
    expect(fields).toEqual([1, 2, 1, 2].map((attempt) => [`Bearer ${attempt}`, "chat"]));
    expect(asked.map(({ signal }) => signal.aborted).slice(0, 1)).toEqual([true]);
    await stage.finish();
  });

  const invalidResults: [name: string, provided: Options & { readonly url?: () => unknown }][] = [
    ["a url that is a number", { url: () => 7 }],
    ["a url that is undefined", { url: () => undefined }],
    ["an invalid url", { url: () => "ws://[" }],
    ["a url with a fragment", { url: () => "ws://feed.test/#a" }],
    ["a url of an unsupported scheme", { url: () => Promise.resolve("ftp://feed.test/") }],
    ["headers that are a number", { headers: (() => 7) as never }],
    ["headers that are null", { headers: (() => null) as never }],
    ["headers with a line break", { headers: () => ({ A: "b\r\nC: d" }) }],
    ["headers with a Symbol", { headers: (() => ({ A: Symbol("b") })) as never }],
    ["forbidden headers", { headers: () => ({ Upgrade: "h2c" }) }],
    ["an iterator of headers that throws", { headers: (() => throwingIterable()) as never }],
    ["subprotocols that are not a list", { subprotocols: (() => ({ length: 1 })) as never }],
    ["subprotocols with a blank", { subprotocols: () => ["a b"] }],
    [
      "a function that throws",
      {
        headers: () => {
          throw new Error("no token");
        },
      },
    ],
    ["a function that throws undefined", { headers: () => rejectedWith(undefined) }],
    ["a function that rejects", { subprotocols: () => Promise.reject(new Error("no token")) }],
    [
      "a thenable that throws",
      {
        headers: (() => ({
          then: () => {
            throw new Error("no token");
          },
        })) as never,
      },
    ],
  ];

  it.each(invalidResults)(
    "that return %s follow the backoff, with their own phase",
    async (_name, { url, ...options }) => {
      const stage = new Stage(breaking(5));
      let isGood = true;
      const wrapped = Object.fromEntries(
        Object.entries(options).map(([name, provide]) => [
          name,
          () => (isGood ? undefined : (provide as () => unknown)()),
        ]),
      ) as Options;
      const client = stage.createClient({ ...wrapped, backoff: steady }, (() =>
        isGood || url === undefined ? "ws://feed.test/" : url()) as never);
      void client.ws.connect();
      await stage.pass();
      isGood = false;
      await stage.pass(16_000);
      expect(client.delays.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
      const { report } = client.all("reconnecting").at(-1)!;
      expect(report).toMatchObject({
        phase: "provider",
        verdict: "setup-failed",
        isRetryable: true,
        initiatedBy: "us",
      });
      expect(stage.server.connectionCount).toBe(1);
      isGood = true;
      await stage.pass(8_000);
      expect(client.ws.stats().reconnectCount).toBe(1);
      await stage.finish();
    },
  );

  it("that never settle are limited by connectTimeout, and their signal aborts", async () => {
    const signals: AbortSignal[] = [];
    const stage = new Stage();
    const client = stage.createClient({
      retryInitial: true,
      connectTimeout: 3_000,
      backoff: steady,
      headers: ({ signal }) => {
        signals.push(signal);
        return signals.length < 3 ? never() : {};
      },
    });
    void client.ws.connect();
    await stage.pass(20_000);
    expect(client.ws.state).toBe("connected");
    expect(client.delays).toEqual([1_000, 2_000]);
    expect(client.times("connected")).toEqual([9_000]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(client.all("reconnecting")[0]!.report.error).toBeInstanceOf(TimeoutError);
    await stage.finish();
  });

  it.each(["close", "terminate"] as const)("that answer after %s() open no connection", async (how) => {
    let answer!: (url: string) => void;
    const signals: AbortSignal[] = [];
    const stage = new Stage();
    const client = stage.createClient({}, ({ signal }) => {
      signals.push(signal);
      return new Promise<string>((resolve) => (answer = resolve));
    });
    const connecting = client.ws.connect();
    await stage.pass(1_000);
    void client.ws[how]();
    await stage.pass();
    expect(await rejection(connecting)).toBeInstanceOf(CloseError);
    expect(signals[0]!.aborted).toBe(true);
    answer("ws://feed.test/");
    await stage.pass(day);
    expect(stage.server.connectionCount).toBe(0);
    expect(client.states).toEqual(["connecting", "closed"]);
    await stage.finish();
  });

  it("that answer late do not affect the next attempt", async () => {
    const answers: ((url: string) => void)[] = [];
    const stage = new Stage();
    const client = stage.createClient({ retryInitial: true, connectTimeout: 1_000, backoff: steady }, () =>
      answers.length === 1
        ? "ws://feed.test/second"
        : new Promise<string>((resolve) => answers.push(resolve)),
    );
    void client.ws.connect();
    await stage.pass(2_000);
    answers[0]!("ws://feed.test/first");
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(client.ws.url).toBe("ws://feed.test/second");
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });
});

function throwingIterable(): Iterable<never> {
  return {
    [Symbol.iterator]: () => {
      throw new Error("no headers");
    },
  };
}
