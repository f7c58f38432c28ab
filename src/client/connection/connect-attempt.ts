import type { FrameObserver, Resources, WebSocketUri } from "../../../protocol/index.js";
import { LiveConnection } from "../../connection/live-connection.js";
import type { LiveHandler } from "../../connection/live-handler.js";
import {
  type AcceptedHandshake,
  type AcceptingAnswer,
  Opening,
  type OpeningHandler,
  type OpeningTimes,
} from "../../connection/opening.js";
import { TimeoutError } from "../../errors.js";
import type { CloseReport, Phase } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { ResolvedLayers } from "../../options/resolve-layers.js";
import type { Timer } from "../../runtime/runtime.js";
import type { Transport, TransportTarget } from "../../runtime/transport.js";
import { toError } from "../../transport/transport-error.js";
import {
  isRequestKnown,
  type PreparedRequest,
  prepareKnownRequest,
  prepareRequest,
  type RequestSource,
} from "./request.js";

export interface ConnectAttemptHandler {
  /** The url is known: the attempt dials. */
  onDialling(url: string): void;
  /** The connection is open. Its messages come when this has returned. */
  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void;
  /** The attempt has failed; nothing of it is left. */
  onFailed(phase: Phase, error: Error | undefined): void;
}

/** The options that concern one connection. */
export type ConnectionOptions = Omit<
  ResolvedOptions<never, never>,
  "serializer" | "deserializer" | keyof ResolvedLayers<never, never>
>;

export interface ConnectAttemptPlan {
  readonly source: RequestSource;
  readonly options: ConnectionOptions;
  readonly resources: Resources;
  readonly attempt: number;
  /** Is shown every frame of the connection. */
  readonly observer: FrameObserver | undefined;
}

/** A class rather than a literal: of objects that are spread together, or have a getter of their own, V8 makes a hidden class each. */
class Target implements TransportTarget {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly socketPath: TransportTarget["socketPath"];
  readonly tls: TransportTarget["tls"];
  readonly lookup: TransportTarget["lookup"];
  readonly localAddress: TransportTarget["localAddress"];
  readonly noDelay: boolean;
  readonly keepAlive: number | false;
  readonly createConnection: TransportTarget["createConnection"];
  readonly readBuffer: Buffer;
  readonly #attempt: { readonly signal: AbortSignal };

  constructor(
    uri: WebSocketUri,
    options: ConnectionOptions,
    readBuffer: Buffer,
    attempt: { readonly signal: AbortSignal },
  ) {
    this.url = uri.href;
    this.host = uri.host;
    this.port = uri.port;
    this.isSecure = uri.isSecure;
    this.socketPath = options.socketPath;
    this.tls = options.tls;
    this.lookup = options.lookup;
    this.localAddress = options.localAddress;
    this.noDelay = options.noDelay;
    this.keepAlive = options.keepAlive;
    this.createConnection = options.createConnection;
    this.readBuffer = readBuffer;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
}

const settled = Promise.resolve();

/** What most connections share. */
const nothingAgreed: AcceptedHandshake = Object.freeze({ subprotocol: "", extensions: "" });

/** One attempt: asks the providers, dials, and hands over the open connection, of which it keeps nothing. */
export class ConnectAttempt implements OpeningHandler {
  #plan: ConnectAttemptPlan | undefined;
  #handler: ConnectAttemptHandler | undefined;
  #liveHandler: LiveHandler | undefined;
  #controller: AbortController | undefined;
  #deadline: Timer | undefined;
  #opening: Opening | undefined;
  #isOver = false;
  #hasFailed = false;
  #isReferenced = true;

  constructor(plan: ConnectAttemptPlan, handler: ConnectAttemptHandler, liveHandler: LiveHandler) {
    this.#plan = plan;
    this.#handler = handler;
    this.#liveHandler = liveHandler;
  }

  /** Made when a function first asks for it: most attempts ask none. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasFailed) this.#controller.abort();
    return this.#controller.signal;
  }

  /**
   * Begins; a provider function may give the attempt up from inside this call.
   * @param lastReport - How the connection or attempt before this one has ended.
   */
  start(lastReport: CloseReport | undefined): void {
    // Not kept: reports would hold the attempts before them, by the stacks of their errors, and so on to the first.
    if (this.#isOver) return;
    const plan = this.#plan!;
    // Nothing is told from inside the call that has begun it, be somebody asked or not.
    if (isRequestKnown(plan.source)) void settled.then(() => this.#askNobody(plan));
    else void this.#ask(plan, lastReport);
  }

  /** Gives the attempt up. `onFailed` comes with `reason`, at once or when the socket is gone. */
  abandon(reason?: Error): void {
    if (this.#opening !== undefined) this.#opening.abandon(reason);
    else this.onFailed("provider", reason);
  }

  ref(): void {
    this.#isReferenced = true;
    this.#deadline?.ref();
    this.#opening?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#deadline?.unref();
    this.#opening?.unref();
  }

  #askNobody(plan: ConnectAttemptPlan): void {
    const { source, resources } = plan;
    try {
      if (!this.#isOver) this.#dial(plan, prepareKnownRequest(source, resources.fillRandom));
    } catch (error) {
      this.#onRefused(error);
    }
  }

  async #ask(plan: ConnectAttemptPlan, lastReport: CloseReport | undefined): Promise<void> {
    const { source, options, resources, attempt } = plan;
    this.#armDeadline(options);
    try {
      const context = { attempt, lastReport, signal: this.signal };
      const request = await prepareRequest(source, context, resources.fillRandom);
      if (!this.#isOver) this.#dial(plan, request);
    } catch (error) {
      this.#onRefused(error);
    }
  }

  #onRefused(error: unknown): void {
    this.onFailed("provider", toError(error, "A function given for url, headers or subprotocols"));
  }

  #armDeadline({ connectTimeout: timeoutMs, runtime }: ConnectionOptions): void {
    this.#deadline = runtime.setTimer(timeoutMs, () => {
      const message = `A function given for url, headers or subprotocols was not done in ${timeoutMs} ms (connectTimeout).`;
      this.onFailed("provider", new TimeoutError(message, { operation: "connect", timeoutMs }));
    });
    if (!this.#isReferenced) this.#deadline.unref();
  }

  #dial({ options, resources }: ConnectAttemptPlan, { uri, handshake }: PreparedRequest): void {
    this.#deadline?.clear();
    this.#deadline = undefined;
    this.#handler!.onDialling(uri.display);
    // A listener of that event may have closed the client.
    if (this.#isOver) return;
    const { runtime, connectTimeout } = options;
    const target = new Target(uri, options, resources.readBuffer, this);
    this.#opening = new Opening({ runtime, target, handshake, timeout: connectTimeout }, this);
    if (!this.#isReferenced) this.#opening.unref();
  }

  /** Called by its opening alone. */
  onAccepted(accepted: AcceptingAnswer, transport: Transport, times: OpeningTimes): LiveConnection {
    const { options, resources, observer } = this.#plan!;
    const handler = this.#handler!;
    const live = new LiveConnection({
      transport,
      runtime: options.runtime,
      resources,
      extension: accepted.extension,
      settings: options,
      handler: this.#liveHandler!,
      observer,
    });
    this.#end();
    const { subprotocol, extensions } = accepted;
    const isPlain = subprotocol === "" && extensions === "";
    handler.onOpen(live, isPlain ? nothingAgreed : { subprotocol, extensions }, times);
    return live;
  }

  /** Called by its opening and by itself. */
  onFailed(phase: Phase, error: Error | undefined): void {
    if (this.#isOver) return;
    const handler = this.#handler!;
    this.#hasFailed = true;
    this.#deadline?.clear();
    this.#controller?.abort();
    this.#end();
    handler.onFailed(phase, error);
  }

  #end(): void {
    this.#isOver = true;
    this.#plan = undefined;
    this.#handler = undefined;
    this.#liveHandler = undefined;
    this.#deadline = undefined;
    this.#opening = undefined;
  }
}
