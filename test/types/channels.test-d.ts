// Type tests of `jetsocket/channels`. `npm run types` checks this file; the code does not run.
import { expectTypeOf } from "vitest";
import { type Channel, channels, type Feed, type Requester, requests } from "../../src/channels/index.js";
import { WebSocket } from "../../src/index.js";

interface Trade {
  readonly market?: string;
  readonly price: number;
}
interface Command {
  readonly op: string;
  readonly names: readonly string[];
}

const feed = channels({
  channelOf: (message: Trade) => message.market,
  subscribe: (names): Command => ({ op: "subscribe", names }),
  unsubscribe: (names) => ({ op: "unsubscribe", names }),
  isAck: (message) => {
    expectTypeOf(message).toEqualTypeOf<Trade>();
    return false;
  },
  onRefused: ({ channel, attempt }) => (channel === "a" && attempt < 3 ? "retry" : "giveUp"),
  buffer: { overflow: "conflate", keyOf: (message) => message.price },
});
expectTypeOf(feed).toEqualTypeOf<Feed<Trade, Command>>();

// The client takes its types from the hook.
const ws = new WebSocket("wss://a.test/", { onConnection: feed.onConnection });
expectTypeOf(ws).toEqualTypeOf<WebSocket<Trade, Command>>();
feed.attach(ws);
feed.attach(new WebSocket("wss://a.test/"));

const channel = feed.open("btc");
expectTypeOf(channel).toEqualTypeOf<Channel<Trade>>();
channel.on("message", ({ data }) => expectTypeOf(data).toEqualTypeOf<Trade>());
channel.on("gap", ({ expected }) => expectTypeOf(expected).toEqualTypeOf<number | undefined>());
channel.on("closed", ({ error }) => expectTypeOf(error).toEqualTypeOf<Error | undefined>());
feed.on("unrouted", ({ message }) => expectTypeOf(message).toEqualTypeOf<Trade>());
for await (const message of channel) expectTypeOf(message).toEqualTypeOf<Trade>();

expectTypeOf(feed.request({ op: "get", names: [] }, { matches: ({ price }) => price > 0 })).toEqualTypeOf<
  Promise<Trade>
>();
// @ts-expect-error The message of a request has the type of the sent messages.
void feed.request({ op: 1 });
// @ts-expect-error There is no event "messages".
channel.on("messages", () => undefined);
// @ts-expect-error Reading cannot be paused for one channel.
feed.open("btc", { buffer: { overflow: "pause" } });
// @ts-expect-error `unsubscribe` is required.
channels({ channelOf: () => "a", subscribe: () => "" });

expectTypeOf(requests()).toEqualTypeOf<Requester>();
expectTypeOf(requests({ idOf: ({ price }: Trade) => price })).toEqualTypeOf<Requester<Trade>>();
