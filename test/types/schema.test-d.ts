// Type tests of the option `schema`. `npm run types` checks this file; the code does not run.
import { expectTypeOf } from "vitest";
import { connect, json, type StandardSchema, WebSocket, type WebSocketOptions } from "../../src/index.js";

interface Trade {
  readonly price: number;
}
interface News {
  readonly kind: "news";
}

declare const schema: StandardSchema<Trade>;
declare const mixed: StandardSchema<Trade | News>;
declare const decode: (data: string | Buffer) => unknown;

// The schema determines the type of received messages, for each way to receive them.
const typed = new WebSocket("ws://feed.test/", { schema });
expectTypeOf(typed).toEqualTypeOf<WebSocket<Trade>>();
expectTypeOf(typed.recv()).resolves.toEqualTypeOf<Trade>();
expectTypeOf(typed[Symbol.asyncIterator]().next()).resolves.toEqualTypeOf<IteratorResult<Trade>>();
expectTypeOf(typed.batches().next()).resolves.toEqualTypeOf<IteratorResult<readonly Trade[]>>();
typed.on("message", ({ data }) => expectTypeOf(data).toEqualTypeOf<Trade>());
void typed.recv({ match: (message) => (expectTypeOf(message).toEqualTypeOf<Trade>(), true) });
expectTypeOf(connect("ws://feed.test/", { schema })).resolves.toEqualTypeOf<WebSocket<Trade>>();

// `match` narrows the type of the schema.
const news = new WebSocket("ws://feed.test/", { schema: mixed });
expectTypeOf(
  news.recv({ match: (message): message is News => "kind" in message }),
).resolves.toEqualTypeOf<News>();

// The type that the deserializer returns does not matter, because the schema checks the value.
expectTypeOf(new WebSocket("ws://feed.test/", { schema, deserializer: decode })).toEqualTypeOf<
  WebSocket<Trade>
>();
expectTypeOf(new WebSocket("ws://feed.test/", { deserializer: decode, schema })).toEqualTypeOf<
  WebSocket<Trade>
>();
expectTypeOf(new WebSocket("ws://feed.test/", { ...json, schema })).toEqualTypeOf<WebSocket<Trade>>();
expectTypeOf(
  new WebSocket("ws://feed.test/", { schema, deserializer: (data) => JSON.parse(String(data)) as unknown }),
).toEqualTypeOf<WebSocket<Trade>>();

// Other functions of the options receive what the schema returns.
new WebSocket("ws://feed.test/", {
  schema,
  schemaMode: "lenient",
  replay: { sequence: (message) => (expectTypeOf(message).toEqualTypeOf<Trade>(), message.price) },
  buffer: { overflow: "conflate", keyOf: (message) => (expectTypeOf(message).toEqualTypeOf<Trade>(), 1) },
  onConnection: async (connection) => {
    expectTypeOf(await connection.recv()).toEqualTypeOf<Trade>();
  },
});

// Options may have a type of their own.
const options: WebSocketOptions<Trade, unknown> = { schema, schemaMode: "strict" };
expectTypeOf(new WebSocket("ws://feed.test/", options)).toEqualTypeOf<WebSocket<Trade>>();
expectTypeOf(new WebSocket<Trade>("ws://feed.test/", { schema })).toEqualTypeOf<WebSocket<Trade>>();
expectTypeOf(new WebSocket("ws://feed.test/", { schema: false })).toEqualTypeOf<WebSocket>();

// @ts-expect-error -- a schema of another type
new WebSocket<News>("ws://feed.test/", { schema });
// @ts-expect-error -- not a mode
new WebSocket("ws://feed.test/", { schema, schemaMode: "off" });
// @ts-expect-error -- not a schema
new WebSocket("ws://feed.test/", { schema: {} });
// @ts-expect-error -- a misspelled option next to a schema
new WebSocket("ws://feed.test/", { schema, reconect: false });
