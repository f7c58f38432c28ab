// The connections of one `ReconnectingWebSocket`: its clients, and the tasks that change the state and fire events. It
// does not convert arguments. The client decides when to connect.
import {
  BufferOverflowError,
  type CloseReport,
  JetSocketError,
  nodeRuntime,
  type Runtime,
} from "../index.js";
import { WebSocket as Client } from "../index.js";
import { BufferedAmount } from "./buffered-amount.js";
import { type AnyClientOptions, withPageFields } from "./client-options.js";
import type { CloseArguments } from "./close-arguments.js";
import { endEvents } from "./end-events.js";
import { CloseEvent, createErrorEvent, createMessageEvent } from "./events.js";
import { type BinaryType, type SentData, sizeOf, toEventData } from "./message-data.js";
import type { ReconnectingOptions } from "./reconnecting-options.js";
import { ReadingLimit } from "./reading-limit.js";
import { TaskQueue } from "./task-queue.js";
import { hasBlockedPort, originOfProgram } from "./url-record.js";
import { type ReadyState, states } from "./web-idl.js";

/** The providers of an attempt. */
export interface AttemptSource {
  url(): Promise<URL>;
  /** `undefined` if no attempt offers a subprotocol. */
  readonly protocols: (() => Promise<readonly string[]>) | undefined;
}

/** A client from its creation until it has ended. Its messages wait in its outbox. */
interface Run {
  readonly client: Client<string | Buffer, string | Uint8Array>;
  readonly buffered: BufferedAmount;
}

/** The state of a `ReconnectingWebSocket`, over all of its connections. */
export class ReconnectingConnection {
  url = "";
  protocol = "";
  extensions = "";
  binaryType: BinaryType = "blob";
  readyState: ReadyState = states.CLOSED;
  /** Whether another attempt follows the end of a connection. */
  isReconnecting = false;
  readonly #source: AttemptSource;
  readonly #options: ReconnectingOptions;
  readonly #runtime: Runtime;
  readonly #tasks: TaskQueue<() => void>;
  readonly #fire: (event: Event) => void;
  #run: Run;
  /** The client of the next call of {@link reconnect}. Messages wait in it after {@link close}. */
  #spare: Run | undefined;
  /** Whether an attempt or a connection has begun and not ended. */
  #isActive = false;
  #origin = "";
  #hasOffered = false;
  /** The number of the current attempt, or of the next one during a wait. The first attempt has the number 0. */
  #retries = 0;
  #openedAt: number | undefined;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(source: AttemptSource, options: ReconnectingOptions, fire: (event: Event) => void) {
    this.#source = source;
    this.#options = options;
    this.#runtime = options.client.runtime ?? nodeRuntime;
    this.#tasks = new TaskQueue(this.#runtime, (task) => task());
    this.#fire = fire;
    this.#run = this.#createRun();
    if (!options.startClosed) this.#start();
  }

  #createRun(): Run {
    const { client: given, maxRetries } = this.#options;
    const { protocols } = this.#source;
    const client: Run["client"] = new Client(() => this.#nextUrl(), {
      ...given,
      headers: withPageFields(given.headers, originOfProgram()),
      subprotocols: protocols && (() => this.#nextProtocols(protocols)),
      shouldReconnect: (report) => this.retryCount < maxRetries && given.shouldReconnect!(report),
      onConnection: protocols === undefined ? given.onConnection : this.#checkProtocol,
    });
    const run = { client, buffered: new BufferedAmount(client, this.#runtime, true) };
    this.#listen(run);
    return run;
  }

  /** The standard, "establish a WebSocket connection": the server must select one of the offered subprotocols. */
  readonly #checkProtocol: NonNullable<AnyClientOptions["onConnection"]> = (connection, signal) => {
    if (this.#hasOffered && connection.subprotocol === "")
      throw new JetSocketError("The server selected no subprotocol.", { code: "NO_SUBPROTOCOL" });
    return this.#options.client.onConnection?.(connection, signal);
  };

  async #nextUrl(): Promise<string> {
    const record = await this.#source.url();
    if (hasBlockedPort(record))
      throw new JetSocketError("The Fetch standard blocks the port of the URL.", { code: "BLOCKED_PORT" });
    this.url = record.href;
    this.#origin = record.origin;
    return record.href;
  }

  async #nextProtocols(provide: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const protocols = await provide();
    this.#hasOffered = protocols.length > 0;
    return protocols;
  }

  #listen(run: Run): void {
    const { client } = run;
    client.on("stateChange", ({ to }) => {
      if (run === this.#run && (to === "connecting" || to === "reconnecting")) this.#onAttempt();
    });
    const onOpen = (): void => this.#onOpen(run);
    client.on("connected", onOpen).on("reconnected", onOpen);
    const limit = new ReadingLimit(client);
    client.on("message", ({ data }) => {
      limit.add(data);
      this.#tasks.add(() => {
        limit.remove(data);
        if (run === this.#run) this.#fireMessage(data);
      });
    });
    // Answers to the messages before a violation of the protocol must be sent before the connection fails.
    client.on("failing", () => this.#tasks.flush());
    client.on("closing", () =>
      this.#add(run, () => {
        if (this.readyState === states.OPEN) this.readyState = states.CLOSING;
      }),
    );
    client.on("dropped", ({ direction, message, cause }) => {
      if (direction === "in") return;
      run.buffered.remove(sizeOf(message as SentData));
      // The messages of a client that has ended wait for the next client.
      if (cause === "closed")
        this.#pass(run === this.#run ? this.#getSpare() : this.#run, message as SentData);
    });
    client.on("disconnected", ({ report }) => this.#onEnd(run, report));
    client.on("reconnecting", ({ report }) => {
      this.#onEnd(run, report);
      if (run === this.#run) this.#retries++;
    });
    client.on("closed", ({ report }) => this.#onOver(run, report));
  }

  /** Adds a task that does nothing if `run` is no longer the current client. */
  #add(run: Run, task: () => void): void {
    this.#tasks.add(() => {
      if (run === this.#run) task();
    });
  }

  #start(): void {
    this.#retries = 0;
    this.isReconnecting = true;
    this.readyState = states.CONNECTING;
    this.#run.client.connect().catch(() => undefined);
    this.#run.buffered.watch();
  }

  #onAttempt(): void {
    this.#isActive = true;
    this.#add(this.#run, () => {
      if (this.isReconnecting) this.readyState = states.CONNECTING;
    });
  }

  #onOpen(run: Run): void {
    if (run !== this.#run) return;
    this.#openedAt = this.#runtime.now();
    this.#add(run, () => {
      if (this.readyState !== states.CONNECTING) return;
      this.protocol = run.client.subprotocol;
      this.extensions = run.client.extensions;
      this.readyState = states.OPEN;
      this.#fire(new Event("open"));
    });
  }

  #fireMessage(message: string | Buffer): void {
    if (this.readyState !== states.OPEN) return;
    const data = toEventData(message, this.binaryType);
    this.#fire(createMessageEvent(data, this.#origin));
  }

  /** A connection or an attempt has ended. */
  #onEnd(run: Run, report: CloseReport): void {
    if (run !== this.#run || !this.#isActive) return;
    this.#isActive = false;
    this.#retries = this.#isStable() ? 0 : this.#retries;
    this.#openedAt = undefined;
    this.#add(run, () => {
      const { error, close } = endEvents(report, undefined);
      this.readyState = states.CLOSED;
      if (error !== undefined) this.#fire(error);
      // The reactions of listeners of `error` run before `close`.
      this.#tasks.add(() => this.#fire(close));
    });
  }

  /** The client has ended. It cannot connect again, so that another client takes its place. */
  #onOver(run: Run, report: CloseReport): void {
    this.#onEnd(run, report);
    if (run !== this.#run) return;
    this.isReconnecting = false;
    this.#add(run, () => {
      this.readyState = states.CLOSED;
      // After an abort, every client ends at once.
      if (this.#options.client.signal?.aborted !== true) this.#run = this.#takeSpare();
    });
  }

  #getSpare(): Run {
    return (this.#spare ??= this.#createRun());
  }

  #takeSpare(): Run {
    const run = this.#getSpare();
    this.#spare = undefined;
    return run;
  }

  /** Whether the connection has been open for `resetAfter`. */
  #isStable(): boolean {
    return this.#openedAt !== undefined && this.#runtime.now() - this.#openedAt >= this.#options.resetAfter;
  }

  get retryCount(): number {
    return this.#isStable() ? 0 : this.#retries;
  }

  get bufferedAmount(): number {
    return this.#run.buffered.value + (this.#spare?.buffered.value ?? 0);
  }

  send(data: SentData): void {
    const { state } = this.#run.client;
    this.#pass(this.isReconnecting || state === "idle" ? this.#run : this.#getSpare(), data);
  }

  /** Passes a message to the client, which sends it now or adds it to its outbox. */
  #pass({ client, buffered }: Run, data: SentData): void {
    if (data instanceof Blob) {
      client.sendRaw(data).catch((error: unknown) => this.#fireLost(error as Error));
    } else if (client.trySend(data) === "dropped") {
      const message = "A message was dropped, because the outbox is full. Set a larger outbox, or send less.";
      this.#fireLost(new BufferOverflowError(message));
      return;
    }
    buffered.addAccepted(sizeOf(data));
  }

  #fireLost(error: Error): void {
    this.#tasks.add(() => this.#fire(createErrorEvent(error)));
  }

  close({ code, reason }: CloseArguments): void {
    this.isReconnecting = false;
    const { client } = this.#run;
    if (client.state === "idle") return;
    if (this.#isActive) this.readyState = states.CLOSING;
    void client.close(code, reason);
  }

  /** Connects immediately. Replaces the current connection or attempt. */
  reconnect({ code, reason }: CloseArguments): void {
    const { client } = this.#run;
    if (client.state !== "idle") {
      const isOpen = client.state === "connected" || client.state === "disconnecting";
      const wasActive = this.#isActive;
      this.#isActive = false;
      this.#openedAt = undefined;
      this.#run = this.#takeSpare();
      if (isOpen) void client.close(code, reason);
      else client.terminate();
      if (wasActive)
        this.#tasks.add(() =>
          this.#fire(new CloseEvent("close", { code: code ?? 1005, reason, wasClean: true })),
        );
    }
    this.#start();
  }
}
