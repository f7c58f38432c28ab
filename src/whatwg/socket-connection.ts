// The connection of one `WebSocket`, which it does not keep from being collected: its client, and the tasks that change
// the state and fire events. It does not convert arguments.
import {
  type CloseReport,
  JetSocketError,
  type Runtime,
  WebSocket as Client,
  nodeRuntime,
} from "../index.js";
import { BufferedAmount } from "./buffered-amount.js";
import { type AnyClientOptions, withPageFields } from "./client-options.js";
import type { CloseArguments } from "./close-arguments.js";
import { endEvents } from "./end-events.js";
import { cookiesFor, storingCookies } from "./cookies.js";
import { createMessageEvent } from "./events.js";
import { enterQueue } from "./handshake-queue.js";
import { type BinaryType, type SentData, sizeOf, toEventData } from "./message-data.js";
import { ReadingLimit } from "./reading-limit.js";
import { TaskQueue } from "./task-queue.js";
import { hasBlockedPort, originOfProgram, urlOfProgram } from "./url-record.js";
import { type ReadyState, states } from "./web-idl.js";

/** Fires the events of a socket, if the socket still exists. */
export interface SocketEvents {
  fire(event: Event): void;
  /** `readyState` has changed. */
  update(readyState: ReadyState): void;
}

/** "The WebSocket connection" of the standard, with the state that the standard gives to the `WebSocket`. */
export class SocketConnection {
  readonly url: string;
  readonly #origin: string;
  readonly #client: Client<string | Buffer, string | Uint8Array>;
  readonly #buffered: BufferedAmount;
  readonly #limit: ReadingLimit;
  readonly #tasks: TaskQueue<string | Buffer | (() => void)>;
  readonly #events: SocketEvents;
  readyState: ReadyState = states.CONNECTING;
  protocol = "";
  extensions = "";
  binaryType: BinaryType = "blob";
  /** Set if this class fails the connection. */
  #failure: Error | undefined;
  /** Lets the next handshake to the same host and port start. */
  #leaveQueue: () => void = () => undefined;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(url: URL, protocols: readonly string[], options: AnyClientOptions, events: SocketEvents) {
    this.url = url.href;
    this.#origin = url.origin;
    this.#events = events;
    const runtime: Runtime = options.runtime ?? nodeRuntime;
    this.#tasks = new TaskQueue(runtime, (task) => {
      if (typeof task === "function") task();
      else this.#fireMessage(task);
    });
    const { href } = url;
    const program = urlOfProgram();
    // Deno gives a worker a `location` with the scheme `file:`.
    const page = program?.protocol.startsWith("http") ? program : undefined;
    const cookies = page && ((): string | undefined => cookiesFor(url, page, runtime));
    const environment = {
      headers: withPageFields(options.headers, originOfProgram(), cookies),
      ...(page && { runtime: storingCookies(runtime) }),
    };
    // The client refuses a user name with a colon. From a function, such a URL makes the attempt fail.
    const source = /%3A/i.test(url.username) ? () => href : href;
    this.#client = new Client(source, { ...options, ...environment, subprotocols: protocols });
    this.#buffered = new BufferedAmount(this.#client, runtime, false);
    this.#limit = new ReadingLimit(this.#client);
    this.#listen(protocols.length > 0, options.createConnection === undefined);
    if (hasBlockedPort(url))
      this.#tasks.add(() => this.#fail("BLOCKED_PORT", "The Fetch standard blocks the port of the URL."));
    // A server that opens many connections for its own clients must not wait for each of them.
    else if (page === undefined) this.#connect();
    else this.#leaveQueue = enterQueue(runtime, url, options.signal, () => this.#connect());
  }

  /** @param isSocket - Whether bytes arrive from a socket of Node. Another stream may emit bytes while the program runs. */
  #listen(mustSelect: boolean, isSocket: boolean): void {
    const client = this.#client;
    client.on("connected", () => {
      this.#leaveQueue();
      // The standard, "establish a WebSocket connection": the server must select one of the offered subprotocols.
      if (mustSelect && client.subprotocol === "")
        this.#fail("NO_SUBPROTOCOL", "The server selected no subprotocol.");
      else this.#tasks.add(() => this.#open());
    });
    client.on("message", ({ data }) => {
      this.#limit.add(data);
      if (isSocket) this.#tasks.addRead(data);
      else this.#tasks.add(data);
    });
    client.on("dropped", ({ direction, message }) => {
      if (direction === "out") this.#buffered.addUnsendable(sizeOf(message as SentData));
    });
    // Answers to the messages before a violation of the protocol must be sent before the connection fails.
    client.on("failing", () => this.#tasks.flush());
    client.on("closing", () => this.#tasks.add(() => this.#enter(states.CLOSING)));
    client.on("closed", ({ report }) => {
      this.#leaveQueue();
      this.#buffered.end();
      this.#tasks.add(() => this.#end(report));
    });
  }

  #connect(): void {
    this.#client.connect().catch(() => undefined);
  }

  get bufferedAmount(): number {
    return this.#buffered.value;
  }

  send(data: SentData): void {
    const size = sizeOf(data);
    if (this.readyState !== states.OPEN || this.#client.state !== "connected")
      this.#buffered.addUnsendable(size);
    else if (data instanceof Blob) {
      this.#buffered.addAccepted(size);
      this.#client.sendRaw(data).catch(() => this.#failIfConnected());
    } else if (this.#client.trySend(data) === "dropped") {
      this.#buffered.addUnsendable(size);
      this.#failIfConnected();
    } else this.#buffered.addAccepted(size);
  }

  /** A message could not be buffered, or a Blob could not be read. */
  #failIfConnected(): void {
    if (this.#client.state === "connected") this.#fail("SEND_FAILED", "A message could not be sent.");
  }

  #fail(code: string, message: string): void {
    this.#failure = new JetSocketError(message, { code });
    this.#client.terminate();
  }

  close({ code, reason }: CloseArguments): void {
    if (this.readyState >= states.CLOSING) return;
    this.#enter(states.CLOSING);
    void this.#client.close(code, reason);
  }

  /** The `WebSocket` was collected. */
  abandon(): void {
    this.close({ code: null, reason: "" });
  }

  #enter(state: ReadyState): void {
    if (this.readyState >= state) return;
    this.readyState = state;
    this.#events.update(state);
  }

  #open(): void {
    // The program may have called `close()` since the connection was opened.
    if (this.readyState !== states.CONNECTING) return;
    this.protocol = this.#client.subprotocol;
    this.extensions = this.#client.extensions;
    this.#enter(states.OPEN);
    this.#events.fire(new Event("open"));
  }

  #fireMessage(message: string | Buffer): void {
    this.#limit.remove(message);
    if (this.readyState !== states.OPEN) return;
    const data = toEventData(message, this.binaryType);
    this.#events.fire(createMessageEvent(data, this.#origin));
  }

  #end(report: CloseReport): void {
    this.readyState = states.CLOSED;
    const { error, close } = endEvents(report, this.#failure);
    if (error !== undefined) this.#events.fire(error);
    // The reactions of listeners of `error` run before `close`.
    this.#tasks.add(() => {
      this.#events.fire(close);
      this.#events.update(states.CLOSED);
    });
  }
}
