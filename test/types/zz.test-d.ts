import { WebSocket } from "../../src/index.js";
import { channels } from "../../src/channels/index.js";
const feed = channels<{ a: string }, { op: string }>({ channelOf: ({ a }) => a, subscribe: (names) => ({ op: names[0]! }), unsubscribe: () => ({ op: "" }) });
export const ws: WebSocket<{ a: string }, { op: string }> = new WebSocket("ws://feed.test/", { onConnection: feed.onConnection, backoff: { base: 5 } });
