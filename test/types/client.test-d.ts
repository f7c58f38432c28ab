// Type tests of the public interface. `npm run types` checks this file; the code does not run.
import { on, once } from "node:events";
import { expectTypeOf } from "vitest";
import {
  type AttemptContext,
  type BorrowedMessage,
  BufferOverflowError,
  CloseError,
  type CloseReport,
  ConnectionError,
  connect,
  type Cursors,
  type Deserializer,
  type DroppedEvent,
  type DurationName,
  HandshakeError,
  type HeadersInit,
  type HistogramSnapshot,
  InvalidStateError,
  JetSocket,
  JetSocketError,
  json,
  type Phase,
  ProtocolError,
  raw,
  type SendResult,
  type SequenceId,
  type Serializer,
  type State,
  type Stats,
  TimeoutError,
  type Verdict,
  WebSocket,
  type WebSocketOptions,
} from "../../src/index.js";

interface Trade {
  readonly price: number;
}

interface Order {
  readonly id: string;
}

declare const decode: Deserializer<Trade>;
declare const encode: Serializer<Order>;

// The deserializer determines the type of received messages, the serializer that of sent messages.
const typed = new WebSocket("ws://feed.test/", { deserializer: decode, serializer: encode });
expectTypeOf(typed).toEqualTypeOf<WebSocket<Trade, Order>>();
expectTypeOf(typed.recv()).resolves.toEqualTypeOf<Trade>();
expectTypeOf(typed.send).parameter(0).toEqualTypeOf<Order>();
expectTypeOf(typed.trySend).parameter(0).toEqualTypeOf<Order>();
expectTypeOf(typed.trySend).returns.toEqualTypeOf<SendResult>();
expectTypeOf(typed[Symbol.asyncIterator]().next()).resolves.toEqualTypeOf<IteratorResult<Trade>>();
expectTypeOf(connect("ws://feed.test/", { deserializer: decode })).resolves.toEqualTypeOf<WebSocket<Trade>>();

const inline = new WebSocket("ws://feed.test/", {
  deserializer: (data, isBinary) => {
    expectTypeOf(data).toEqualTypeOf<string | Buffer>();
    expectTypeOf(isBinary).toBeBoolean();
    return { price: Number(data) };
  },
});
expectTypeOf(inline.recv()).resolves.toEqualTypeOf<{ price: number }>();

// Without a typed serializer or deserializer, messages are unknown.
const plain = new WebSocket("ws://feed.test/");
expectTypeOf(plain).toEqualTypeOf<WebSocket>();
expectTypeOf(plain.recv()).resolves.toBeUnknown();
expectTypeOf(plain.send).parameter(0).toBeUnknown();

// Type arguments may be explicit.
const explicit = new JetSocket<Trade>("ws://feed.test/");
expectTypeOf(explicit).toEqualTypeOf<WebSocket<Trade>>();

// Each event has its own type, and listeners may be async.
expectTypeOf(
  typed
    .on("message", ({ data }) => expectTypeOf(data).toEqualTypeOf<Trade>())
    .on("rawMessage", ({ data }) => expectTypeOf(data).toEqualTypeOf<string | Buffer>())
    .on("connected", ({ url, subprotocol, extensions }) => {
      expectTypeOf([url, subprotocol, extensions]).toEqualTypeOf<string[]>();
    })
    .on("error", async ({ error, isFatal }) => {
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(isFatal).toBeBoolean();
      await Promise.resolve();
    })
    .on("stateChange", ({ from, to }) => expectTypeOf([from, to]).toEqualTypeOf<State[]>())
    .on("pong", ({ latencyMs }) => expectTypeOf(latencyMs).toEqualTypeOf<number | undefined>())
    .on("dropped", (event) => expectTypeOf(event).toEqualTypeOf<DroppedEvent>())
    .once("closed", ({ report }) => expectTypeOf(report).toEqualTypeOf<CloseReport>())
    .off("drain", () => undefined),
).toEqualTypeOf<typeof typed>();

// A borrowed message is always bytes; only `rawMessage` supports the option.
typed.on("rawMessage", (event) => expectTypeOf(event).toEqualTypeOf<BorrowedMessage>(), { borrowed: true });
typed.on("rawMessage", ({ data }) => expectTypeOf(data).toEqualTypeOf<string | Buffer>(), {
  borrowed: false,
});
typed.off("rawMessage", (event: BorrowedMessage) => void event.data.readUInt8());
// @ts-expect-error -- `once` does not support `borrowed`
typed.once("rawMessage", () => undefined, { borrowed: true });
// @ts-expect-error -- without the option, text is a string
typed.on("rawMessage", (event: BorrowedMessage) => event);

// @ts-expect-error -- there is no event with this name
typed.on("mesage", () => undefined);
// @ts-expect-error -- the event `paused` has no properties
typed.on("paused", ({ report }) => report);
// @ts-expect-error -- sent messages are of type Order
void typed.send({ price: 5 });
// @ts-expect-error -- a number is not a message
void typed.sendRaw(5);

// Unknown option names and wrong values are compile errors.
type Options = WebSocketOptions<Trade, Order>;
expectTypeOf<{ reconect: false }>().not.toExtend<Options>();
expectTypeOf<{ compress: { levle: 5 } }>().not.toExtend<Options>();
expectTypeOf<{ connectTimeout: string }>().not.toExtend<Options>();
expectTypeOf<{ schema: true }>().not.toExtend<Options>();
expectTypeOf<{ heartbeat: true }>().not.toExtend<Options>();
expectTypeOf<{ replay: { window: 5 } }>().not.toExtend<Options>();
expectTypeOf<{ reconnect: true; heartbeat: 20_000; outbox: false }>().toExtend<Options>();
expectTypeOf<{ buffer: { overflow: "explode" } }>().not.toExtend<Options>();
expectTypeOf<{ reconnect: false; buffer: 5; keepAlive: undefined }>().toExtend<Options>();

// @ts-expect-error -- a misspelled option next to a correct one
new WebSocket("ws://feed.test/", { closeTimeout: 5, reconect: false });
// @ts-expect-error -- a misspelled nested option
new WebSocket("ws://feed.test/", { buffer: { size: 5 } });

// Functions in the layer options must match the message types; nothing is inferred from them.
const layered = new WebSocket("ws://feed.test/", {
  deserializer: decode,
  serializer: encode,
  heartbeat: { ping: () => ({ id: "ping" }), isPong: (trade) => trade.price === 0 },
  buffer: { overflow: "conflate", keyOf: (trade) => trade.price },
  outbox: { idOf: (order) => order.id, acknowledges: (trade) => String(trade.price) },
  replay: { sequence: (trade) => trade.price, onReplay: async () => Promise.resolve([{ price: 5 }]) },
  onConnection: async (connection, signal) => {
    expectTypeOf(connection.send).parameter(0).toEqualTypeOf<Order>();
    expectTypeOf(
      connection.recv({ signal, match: ({ price }) => price > 0 }),
    ).resolves.toEqualTypeOf<Trade>();
    await connection.sendRaw("hello", { binary: true });
  },
});
expectTypeOf(layered).toEqualTypeOf<WebSocket<Trade, Order>>();

// The two functions for acknowledgements take part in the inference of the message types.
interface Acknowledgement {
  readonly acknowledged: string;
}
const acknowledged = new WebSocket("ws://feed.test/", {
  outbox: {
    idOf: (order: Order) => order.id,
    acknowledges: (message: Acknowledgement) => message.acknowledged,
    overflow: "conflate",
    keyOf: (order) => order.id,
  },
  onConnection: (connection) => expectTypeOf(connection.send).parameter(0).toEqualTypeOf<Order>(),
});
expectTypeOf(acknowledged).toEqualTypeOf<WebSocket<Acknowledgement, Order>>();
expectTypeOf(
  connect("ws://feed.test/", { outbox: { idOf: ({ id }: Order) => id, acknowledges: () => "x" } }),
).resolves.toEqualTypeOf<WebSocket<unknown, Order>>();
expectTypeOf(
  new WebSocket("ws://feed.test/", {
    serializer: encode,
    outbox: { idOf: ({ id }) => id, acknowledges: (message: Acknowledgement) => message.acknowledged },
  }),
).toEqualTypeOf<WebSocket<Acknowledgement, Order>>();
new WebSocket("ws://feed.test/", {
  // @ts-expect-error -- received messages are of type Trade, not Acknowledgement
  deserializer: decode,
  outbox: {
    idOf: (order: Order) => order.id,
    acknowledges: (message: Acknowledgement) => message.acknowledged,
  },
});

// `recv({ match })` selects one of many messages; a type predicate narrows its type.
type Event =
  { readonly type: "trade"; readonly price: number } | { readonly type: "news"; readonly text: string };
type News = Extract<Event, { readonly type: "news" }>;
declare const isNews: (event: Event) => event is News;
const events = new WebSocket<Event>("ws://feed.test/", {
  onConnection: async (connection, signal) => {
    expectTypeOf(await connection.recv({ match: isNews, signal })).toEqualTypeOf<News>();
    expectTypeOf(await connection.recv({ match: (event) => event.type === "news" })).toEqualTypeOf<News>();
    expectTypeOf(await connection.recv()).toEqualTypeOf<Event>();
  },
});
expectTypeOf(events.recv({ match: isNews, timeout: 5 })).resolves.toEqualTypeOf<News>();
expectTypeOf(events.recv({ match: (event) => event.type === "news" })).resolves.toEqualTypeOf<News>();
expectTypeOf(
  events.recv({ match: (event): boolean => event.type === "news" }),
).resolves.toEqualTypeOf<Event>();
expectTypeOf(events.recv({ timeout: 5 })).resolves.toEqualTypeOf<Event>();
expectTypeOf(
  plain.recv({ match: (message): message is Trade => typeof message === "object" }),
).resolves.toEqualTypeOf<Trade>();
// @ts-expect-error -- a number is not a function
void events.recv({ match: 5 });
expectTypeOf(
  new WebSocket("ws://feed.test/", { heartbeat: { ping: () => ({ op: "ping" }) } }),
).toEqualTypeOf<WebSocket>();
new WebSocket("ws://feed.test/", { replay: { sequence: () => 1, onReplay: () => undefined } });
new WebSocket("ws://feed.test/", {
  replay: { sequence: () => 1, onReplay: (_, connection) => connection.send("again") },
});
new WebSocket("ws://feed.test/", {
  replay: {
    sequence: () => 1,
    onReplay: async (cursors, connection) => {
      await connection.send(cursors);
    },
  },
});
// @ts-expect-error -- the ping is not of type Order
new WebSocket("ws://feed.test/", { serializer: encode, heartbeat: { ping: () => 5 } });

// A provider is a value, or a function that returns the value or a promise of it.
const provided: Options = {
  headers: async ({ attempt, lastReport, signal }: AttemptContext) => {
    expectTypeOf(attempt).toBeNumber();
    expectTypeOf(lastReport).toEqualTypeOf<CloseReport | undefined>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    return Promise.resolve({ Authorization: "Bearer x" });
  },
  subprotocols: () => ["chat"],
};
expectTypeOf(provided).toExtend<Options>();
expectTypeOf<Record<string, string>>().toExtend<HeadersInit>();
expectTypeOf<[string, string][]>().toExtend<HeadersInit>();
expectTypeOf<Map<string, string>>().toExtend<HeadersInit>();
expectTypeOf<Headers>().toExtend<HeadersInit>();
expectTypeOf<Record<string, number>>().not.toExtend<HeadersInit>();

// `instanceof` narrows an unknown error to its class.
export function narrow(error: unknown): void {
  if (error instanceof HandshakeError) {
    expectTypeOf(error).toEqualTypeOf<HandshakeError>();
    expectTypeOf(error.statusCode).toEqualTypeOf<number | undefined>();
  } else if (error instanceof ConnectionError) {
    expectTypeOf(error.phase).toEqualTypeOf<Phase>();
    expectTypeOf(error.report).toEqualTypeOf<CloseReport | undefined>();
  } else if (error instanceof CloseError) {
    expectTypeOf(error.report.verdict).toEqualTypeOf<Verdict>();
  } else if (error instanceof TimeoutError) {
    expectTypeOf([error.operation, error.timeoutMs]).toEqualTypeOf<(string | number)[]>();
  } else if (error instanceof ProtocolError) {
    expectTypeOf(error.closeCode).toBeNumber();
  } else if (error instanceof InvalidStateError) {
    expectTypeOf(error.state).toBeString();
  } else if (error instanceof BufferOverflowError || error instanceof JetSocketError) {
    expectTypeOf(error.code).toBeString();
  } else {
    expectTypeOf(error).toBeUnknown();
  }
}

export function narrowUnion(error: TimeoutError | BufferOverflowError): void {
  if (error instanceof BufferOverflowError) expectTypeOf(error).toEqualTypeOf<BufferOverflowError>();
  else expectTypeOf(error).toEqualTypeOf<TimeoutError>();
}

// A verdict is a closed union, and snapshots are read-only.
expectTypeOf<Verdict>().not.toEqualTypeOf<string>();
expectTypeOf<Stats>().toEqualTypeOf<Readonly<Stats>>();
expectTypeOf<CloseReport>().toEqualTypeOf<Readonly<CloseReport>>();
expectTypeOf(typed.stats()).toEqualTypeOf<Stats>();
expectTypeOf(typed.stats().latencyMs).toEqualTypeOf<number | undefined>();
declare const duration: DurationName;
expectTypeOf(typed.stats().histograms[duration]).toEqualTypeOf<HistogramSnapshot | undefined>();
expectTypeOf<Stats["histograms"]>().toEqualTypeOf<Readonly<Stats["histograms"]>>();
expectTypeOf<CloseReport["loopLagMs"]>().toBeNumber();

// Events of reconnecting, replay and rotation.
typed.on("reconnecting", ({ attempt, delayMs, report }) => {
  expectTypeOf([attempt, delayMs]).toEqualTypeOf<number[]>();
  expectTypeOf(report).toEqualTypeOf<CloseReport>();
});
typed.on("reconnected", ({ url, attempt, downtimeMs }) => {
  expectTypeOf(url).toBeString();
  expectTypeOf([attempt, downtimeMs]).toEqualTypeOf<number[]>();
});
typed.on("gap", ({ stream, expected, received }) => {
  expectTypeOf(stream).toBeString();
  expectTypeOf(expected).toEqualTypeOf<number | undefined>();
  expectTypeOf(received).toEqualTypeOf<SequenceId>();
});
typed.on("recovered", ({ count }) => expectTypeOf(count).toBeNumber());
typed.on("reset", ({ stream }) => expectTypeOf(stream).toBeString());
typed.on("rotated", ({ overlapMs, duplicates }) =>
  expectTypeOf([overlapMs, duplicates]).toEqualTypeOf<number[]>(),
);
expectTypeOf(typed.cursors()).toEqualTypeOf<Cursors>();
expectTypeOf(typed.rotate("age", { timeout: 5 })).resolves.toBeVoid();
expectTypeOf(typed.reconnect()).resolves.toBeVoid();

// `json` takes its message type from the client; `raw` determines the received type.
expectTypeOf(new WebSocket<Trade>("ws://a", { ...json }).recv()).toEqualTypeOf<Promise<Trade>>();
expectTypeOf(new WebSocket("ws://a", { ...json }).recv()).toEqualTypeOf<Promise<unknown>>();
expectTypeOf(new WebSocket("ws://a", { ...raw }).recv()).toEqualTypeOf<Promise<string | Buffer>>();
expectTypeOf(connect<Trade>("ws://a", { ...json })).resolves.toEqualTypeOf<WebSocket<Trade>>();

// `once` and `on` of `node:events` accept a client.
expectTypeOf(new WebSocket<Trade, Order>("ws://a")).toExtend<NodeJS.EventEmitter>();
void once(new WebSocket<Trade>("ws://a"), "connected", { signal: AbortSignal.abort() });
void on(new WebSocket<Trade>("ws://a"), "message");
