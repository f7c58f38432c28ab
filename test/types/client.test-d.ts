// Checked by `npm run types`; nothing here runs.
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

// What is received follows from a typed deserializer, what is sent from a typed serializer.
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

// Without either, anything may come and go.
const plain = new WebSocket("ws://feed.test/");
expectTypeOf(plain).toEqualTypeOf<WebSocket>();
expectTypeOf(plain.recv()).resolves.toBeUnknown();
expectTypeOf(plain.send).parameter(0).toBeUnknown();

// Said by hand.
const said = new JetSocket<Trade>("ws://feed.test/");
expectTypeOf(said).toEqualTypeOf<WebSocket<Trade>>();

// Events have their types, and handlers may be async.
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

// What is lent is bytes, whatever came; only raw messages are.
typed.on("rawMessage", (event) => expectTypeOf(event).toEqualTypeOf<BorrowedMessage>(), { borrowed: true });
typed.on("rawMessage", ({ data }) => expectTypeOf(data).toEqualTypeOf<string | Buffer>(), {
  borrowed: false,
});
typed.off("rawMessage", (event: BorrowedMessage) => void event.data.readUInt8());
// @ts-expect-error -- `once` lends nothing
typed.once("rawMessage", () => undefined, { borrowed: true });
// @ts-expect-error -- without the option, text is a string
typed.on("rawMessage", (event: BorrowedMessage) => event);

// @ts-expect-error -- there is no event of this name
typed.on("mesage", () => undefined);
// @ts-expect-error -- `paused` tells nothing
typed.on("paused", ({ report }) => report);
// @ts-expect-error -- an Order is what goes out
void typed.send({ price: 5 });
// @ts-expect-error -- a number is no message
void typed.sendRaw(5);

// Options: unknown names and wrong values are seen before the program runs.
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

// @ts-expect-error -- a typo beside a right option
new WebSocket("ws://feed.test/", { closeTimeout: 5, reconect: false });
// @ts-expect-error -- a typo inside
new WebSocket("ws://feed.test/", { buffer: { size: 5 } });

// The functions of the layers are held to what is received and sent, and nothing is inferred from them.
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

// Acknowledgements take part in the inference: who gives the two functions has said what is sent and received.
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
  // @ts-expect-error -- a Trade is what comes, and no Acknowledgement
  deserializer: decode,
  outbox: {
    idOf: (order: Order) => order.id,
    acknowledges: (message: Acknowledgement) => message.acknowledged,
  },
});

// `recv({ match })` takes one message of many; a type predicate says which type that is.
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
// @ts-expect-error -- a number is no predicate
void events.recv({ match: 5 });
expectTypeOf(
  new WebSocket("ws://feed.test/", { heartbeat: { ping: () => ({ op: "ping" }) } }),
).toEqualTypeOf<WebSocket>();
new WebSocket("ws://feed.test/", { replay: { sequence: () => 1, onReplay: () => undefined } });
new WebSocket("ws://feed.test/", {
  replay: { sequence: () => 1, onReplay: (_, link) => link.send("again") },
});
new WebSocket("ws://feed.test/", {
  replay: {
    sequence: () => 1,
    onReplay: async (cursors, link) => {
      await link.send(cursors);
    },
  },
});
// @ts-expect-error -- no Order is made here
new WebSocket("ws://feed.test/", { serializer: encode, heartbeat: { ping: () => 5 } });

// A provider is a value, or a function that gives it now or later.
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

// Errors narrow, and tell them apart.
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

// A verdict is a closed union, and a snapshot cannot be written to.
expectTypeOf<Verdict>().not.toEqualTypeOf<string>();
expectTypeOf<Stats>().toEqualTypeOf<Readonly<Stats>>();
expectTypeOf<CloseReport>().toEqualTypeOf<Readonly<CloseReport>>();
expectTypeOf(typed.stats()).toEqualTypeOf<Stats>();
expectTypeOf(typed.stats().latencyMs).toEqualTypeOf<number | undefined>();
declare const duration: DurationName;
expectTypeOf(typed.stats().histograms[duration]).toEqualTypeOf<HistogramSnapshot | undefined>();
expectTypeOf<Stats["histograms"]>().toEqualTypeOf<Readonly<Stats["histograms"]>>();
expectTypeOf<CloseReport["loopLagMs"]>().toBeNumber();

// The events of the layers.
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

// `json` takes the type of the client into whose options it is spread, `raw` says what it leaves.
expectTypeOf(new WebSocket<Trade>("ws://a", { ...json }).recv()).toEqualTypeOf<Promise<Trade>>();
expectTypeOf(new WebSocket("ws://a", { ...json }).recv()).toEqualTypeOf<Promise<unknown>>();
expectTypeOf(new WebSocket("ws://a", { ...raw }).recv()).toEqualTypeOf<Promise<string | Buffer>>();
expectTypeOf(connect<Trade>("ws://a", { ...json })).resolves.toEqualTypeOf<WebSocket<Trade>>();

// A client is a source of events for `node:events`.
expectTypeOf(new WebSocket<Trade, Order>("ws://a")).toExtend<NodeJS.EventEmitter>();
void once(new WebSocket<Trade>("ws://a"), "connected", { signal: AbortSignal.abort() });
void on(new WebSocket<Trade>("ws://a"), "message");
