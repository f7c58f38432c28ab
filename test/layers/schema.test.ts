// The option `schema` of a whole client, in virtual time.
import { inspect } from "node:util";
import { expect, it, vi, onTestFinished } from "vitest";
import { ValidationError, WebSocket, type WebSocketOptions } from "../../src/index.js";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { issue, schemaOf, type Trade, tradeSchema } from "../support/schemas.js";

interface Seen {
  readonly ws: WebSocket<Trade>;
  readonly messages: Trade[];
  readonly dropped: unknown[];
  readonly errors: Error[];
}

/** A client whose server sends `messages` on each connection. */
async function follow(
  messages: readonly unknown[],
  options: WebSocketOptions<Trade, unknown>,
  listens = true,
): Promise<Seen> {
  const server = new ScriptedServer({
    onConnection: (connection) => {
      connection.accept();
      for (const message of messages) connection.send(message);
    },
  });
  const runtime = new VirtualRuntime({ server });
  const ws = new WebSocket<Trade>("ws://feed.test/", { runtime, reconnect: false, ...options });
  onTestFinished(async () => {
    ws.terminate();
    await runtime.advanceAsync(100);
    await server.close();
  });
  const seen: Seen = { ws, messages: [], dropped: [], errors: [] };
  ws.on("message", ({ data }) => seen.messages.push(data));
  if (listens) {
    ws.on("dropped", (event) => seen.dropped.push(event));
    ws.on("error", ({ error, isFatal }) => {
      expect(isFatal).toBe(false);
      seen.errors.push(error);
    });
  }
  void ws.connect();
  await runtime.advanceAsync(100);
  return seen;
}

const feed = [{ price: 1, more: 5 }, { price: "no" }, { price: 2 }, "text"];
const droppedEvents = [
  { direction: "in", message: '{"price":"no"}', cause: "schema" },
  { direction: "in", message: "text", cause: "schema" },
];

it("delivers what the schema returns; strict: a bad message is an error and is not delivered", async () => {
  const { ws, messages, dropped, errors } = await follow(feed, { schema: tradeSchema });
  expect(messages).toEqual([{ price: 1 }, { price: 2 }]);
  expect(dropped).toEqual(droppedEvents);
  expect(errors.map((error) => error instanceof ValidationError && [error.code, error.issues])).toEqual([
    ["VALIDATION_FAILED", [issue]],
    ["VALIDATION_FAILED", [issue]],
  ]);
  expect(ws.stats()).toMatchObject({ messagesReceived: 4, messagesDropped: 2 });
  expect(ws.state).toBe("connected");
  ws.terminate();
});

it("lenient: a bad message is dropped, counted and reported, and is no error", async () => {
  const { ws, messages, dropped, errors } = await follow(feed, {
    schema: tradeSchema,
    schemaMode: "lenient",
  });
  expect([messages, dropped, errors]).toEqual([[{ price: 1 }, { price: 2 }], droppedEvents, []]);
  expect(ws.stats()).toMatchObject({ messagesReceived: 4, messagesDropped: 2 });
  ws.terminate();
});

it("never delivers a bad message to recv(), a loop or batches()", async () => {
  const server = new ScriptedServer({
    onConnection: (connection) => {
      connection.accept();
      for (const message of [...feed, ...feed, ...feed]) connection.send(message);
    },
  });
  const runtime = new VirtualRuntime({ server });
  const client = new WebSocket("ws://feed.test/", { runtime, reconnect: false, schema: tradeSchema });
  client.on("dropped", () => undefined);
  void client.connect();
  await runtime.advanceAsync(100);
  expect(await client.recv({ match: ({ price }) => price === 2 })).toEqual({ price: 2 });
  expect(await client.recv()).toEqual({ price: 1 });
  const loop = client[Symbol.asyncIterator]();
  expect((await loop.next()).value).toEqual({ price: 1 });
  await loop.return?.();
  const batches = client.batches();
  expect((await batches.next()).value).toEqual([{ price: 2 }, { price: 1 }, { price: 2 }]);
  await batches.return?.();
  client.terminate();
  await runtime.advanceAsync(100);
  await server.close();
});

it("checks the messages that onConnection receives, and reports a bad one once", async () => {
  const received: Trade[] = [];
  const { ws, errors } = await follow([{ price: "no" }, { price: 3 }], {
    schema: tradeSchema,
    onConnection: async (connection) => {
      received.push(await connection.recv());
    },
  });
  expect([received, errors.length]).toEqual([[{ price: 3 }], 1]);
  ws.terminate();
});

it("reports a message that does not match and for which onConnection waited in vain", async () => {
  const server = new ScriptedServer({
    onConnection: (connection) => {
      connection.accept();
      for (const message of [{ ready: true }, { price: 3 }]) connection.send(message);
    },
  });
  const runtime = new VirtualRuntime({ server });
  const ws = new WebSocket("ws://feed.test/", {
    ...{ runtime, reconnect: false, schema: tradeSchema },
    onConnection: (connection) => connection.recv({ match: (trade) => "ready" in trade, timeout: 50 }),
  });
  const seen: unknown[] = [];
  ws.on("dropped", ({ cause, message }) => seen.push([cause, message]));
  ws.on("error", ({ error }) => seen.push("code" in error && error.code));
  ws.connect().catch(() => undefined);
  await runtime.advanceAsync(100);
  expect(seen).toEqual([
    ["schema", '{"ready":true}'],
    "VALIDATION_FAILED",
    ["closed", '{"price":3}'],
    "TIMEOUT",
  ]);
  await runtime.advanceAsync(10_000);
  await server.close();
});

it.each(["strict", "lenient"] as const)(
  "%s: a schema that returns a promise fails each message",
  async (mode) => {
    const { ws, messages, errors } = await follow([{ price: 1 }], {
      schema: schemaOf(() => Promise.resolve({ value: { price: 1 } })),
      schemaMode: mode,
    });
    expect([messages, errors.map((error) => "code" in error && error.code)]).toEqual([
      [],
      ["SCHEMA_FUNCTION_FAILED"],
    ]);
    expect(errors[0]?.message).toContain("The option schema failed");
    expect(ws.state).toBe("connected");
    ws.terminate();
  },
);

it.each([
  ["strict", tradeSchema, /does not match the option schema/],
  ["strict", schemaOf<Trade>(() => Promise.resolve()), /The option schema failed .* returned a promise/],
  ["lenient", schemaOf<Trade>(() => null), /The option schema failed .* returned no result/],
  ["lenient", tradeSchema, undefined],
] as const)("without listeners, the process is warned once: %s", async (schemaMode, schema, expected) => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const { ws } = await follow(["a", "b"], { schema, schemaMode }, false);
  const warnings = warn.mock.calls.map(([warning]) => (warning as Error).message);
  warn.mockRestore();
  expect(warnings).toEqual(expected === undefined ? [] : [expect.stringMatching(expected)]);
  ws.terminate();
});

it("hides secrets in the error that a schema throws", async () => {
  const schema = schemaOf<Trade>(() => {
    throw new Error("cannot read wss://user:hunter2secret@feed.test/");
  });
  const { ws, errors } = await follow(["a"], { schema });
  expect(errors).toMatchObject([{ name: "ValidationError", code: "SCHEMA_FUNCTION_FAILED", issues: [] }]);
  expect(inspect(errors)).not.toContain("hunter2secret");
  ws.terminate();
});

it("does not print the issues, which may contain parts of the message", async () => {
  const schema = schemaOf<Trade>((value) => ({ issues: [{ message: `bad: ${String(value)}` }] }));
  const { ws, errors } = await follow(["hunter2secret"], { schema });
  expect(errors).toMatchObject([{ issues: [{ message: "bad: hunter2secret" }] }]);
  expect(inspect(errors) + JSON.stringify(errors)).not.toContain("hunter2secret");
  ws.terminate();
});
