// The types that TypeScript infers from the schemas of each library. This file is only compiled.
import { connect, WebSocket } from "jetsocket";
import { createPool, type Pool } from "jetsocket/pool";
import { arktypeSchema, valibotSchema, zodSchema } from "./schemas.mjs";

interface Trade {
  symbol: string;
  price: number;
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the type of the argument is `WebSocket` with exactly this type of received messages. */
function check<Expected>() {
  return <Actual>(_ws: WebSocket<Actual>, _isEqual: Equal<Actual, Expected>): void => undefined;
}

const url = "wss://feed.test/";
check<Trade>()(new WebSocket(url, { schema: zodSchema }), true);
check<Trade>()(new WebSocket(url, { schema: valibotSchema }), true);
check<Trade>()(new WebSocket(url, { schema: arktypeSchema }), true);
check<Trade>()(await connect(url, { schema: zodSchema, deserializer: (data): unknown => data }), true);
// @ts-expect-error -- the type is exact
check<{ symbol: string }>()(new WebSocket(url, { schema: zodSchema }), true);

export const pools: Pool<Trade>[] = [
  createPool({ url, schema: zodSchema }),
  createPool({ url, schema: valibotSchema }),
  createPool({ url, schema: arktypeSchema }),
];
for await (const { price } of new WebSocket(url, { schema: arktypeSchema })) price.toFixed(2);
