// Type tests of `jetsocket/pool` and `jetsocket/presets`. `npm run types` checks this file; the code does not run.
import { expectTypeOf } from "vitest";
import { type StandardSchema, WebSocket } from "../../src/index.js";
import { createPool, type Lease, type Pool, type PooledConnection } from "../../src/pool/index.js";
import { dashboard, llmStream, minimal, trading } from "../../src/presets/index.js";

interface Trade {
  readonly price: number;
}
interface Order {
  readonly id: string;
}

declare const schema: StandardSchema<Trade>;
declare const decode: (data: string | Buffer) => Trade;
declare const encode: (order: Order) => string;

const plain = createPool({ url: "ws://pool.test/" });
expectTypeOf(plain).toEqualTypeOf<Pool>();

const typed = createPool({
  url: "ws://pool.test/",
  deserializer: decode,
  serializer: encode,
  reset: async (connection, signal) => {
    expectTypeOf(connection).toEqualTypeOf<PooledConnection<Trade, Order>>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    await connection.send({ id: "reset" });
  },
  validate: (connection) => connection.state === "connected",
});
expectTypeOf(typed).toEqualTypeOf<Pool<Trade, Order>>();
expectTypeOf(typed.acquire()).resolves.toEqualTypeOf<Lease<Trade, Order>>();
expectTypeOf(typed.send).parameter(0).toEqualTypeOf<Order>();
typed.on("message", ({ data }) => expectTypeOf(data).toEqualTypeOf<Trade>());

const checked = createPool({
  endpoints: ["ws://a.test/", () => "ws://b.test/"],
  schema,
  schemaMode: "lenient",
});
expectTypeOf(checked).toEqualTypeOf<Pool<Trade>>();
expectTypeOf(createPool<Trade, Order>({ url: "ws://pool.test/" })).toEqualTypeOf<Pool<Trade, Order>>();

// @ts-expect-error -- a pool does not reconnect
createPool({ url: "ws://pool.test/", reconnect: true });
// @ts-expect-error -- a misspelled option
createPool({ url: "ws://pool.test/", maxx: 5 });
// @ts-expect-error -- sent messages are of type Order
void typed.send("text");

// Presets do not change the inferred types.
for (const preset of [trading, llmStream, dashboard, minimal])
  new WebSocket("ws://feed.test/", { ...preset });
expectTypeOf(new WebSocket("ws://feed.test/", { ...trading, deserializer: decode })).toEqualTypeOf<
  WebSocket<Trade>
>();
expectTypeOf(new WebSocket("ws://feed.test/", { ...llmStream, schema })).toEqualTypeOf<WebSocket<Trade>>();
