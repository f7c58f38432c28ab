/**
 * Makes one attempt to connect: it calls the provider functions, dials, and performs the opening handshake.
 * It does not retry, and keeps no reference to the connection that it opens.
 */
import type { FrameObserver, Resources, WebSocketUri } from "../../../protocol/index.js";
import { LiveConnection } from "../../connection/live-connection.js";
import type { LiveHandler } from "../../connection/live-handler.js";
import {
  type AcceptedHandshake,
  type AcceptingAnswer,
  type OpenedStream,
  Opening,
  type OpeningHandler,
  type OpeningTimes,
} from "../../connection/opening.js";
import { TimeoutError } from "../../errors.js";
import type { CloseReport, Phase } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { ResolvedLayers } from "../../options/resolve-layers.js";
import type { Timer } from "../../runtime/runtime.js";
import type { AddressAttempt, TransportTarget } from "../../runtime/transport.js";
import { toError } from "../../runtime/to-error.js";
import { defaultRedactor, type Redactor, redactorOf } from "../../redaction/redactor.js";
import { sentSecrets } from "../../redaction/sent-secrets.js";
import { checkCredentials } from "./insecure-credentials.js";
import {
  isRequestStatic,
  type ProxiedRequest,
  prepareStaticRequest,
  prepareRequest,
  type RequestSource,
} from "./request.js";

export interface ConnectAttemptHandler {
  /** The URL is known, and the attempt dials next. `redactor` knows the credentials of the request. */
  onDialling(url: string, redactor: Redactor): void;
  /** The connection is open. Messages are delivered after this call returns. */
  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void;
  /** The attempt has failed and holds no resources any more. */
  onFailed(phase: Phase, error: Error | undefined, addresses: readonly AddressAttempt[]): void;
}

/** The options that a single connection needs. */
export type ConnectionOptions = Omit<
  ResolvedOptions<never, never>,
  "serializer" | "deserializer" | keyof ResolvedLayers<never, never>
>;

export interface ConnectAttemptPlan {
  readonly source: RequestSource;
  readonly options: ConnectionOptions;
  readonly resources: Resources;
  readonly attempt: number;
  /** Called with every frame of the connection. */
  readonly observer: FrameObserver | undefined;
}

/** A class, because V8 creates a separate hidden class for every object literal with a spread or a getter. */
class AttemptTarget implements TransportTarget {
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
  readonly proxy: TransportTarget["proxy"];
  readonly readBuffer: Buffer;
  readonly #attempt: { readonly signal: AbortSignal };

  constructor(
    uri: WebSocketUri,
    proxy: TransportTarget["proxy"],
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
    this.proxy = proxy;
    this.readBuffer = readBuffer;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
}

const noAddresses: readonly AddressAttempt[] = [];
const resolvedPromise = Promise.resolve();

/** Shared by all connections on which neither a subprotocol nor an extension was agreed. */
const nothingNegotiated: AcceptedHandshake = Object.freeze({ subprotocol: "", extensions: "" });

/** One attempt to connect. After it ends, it drops its references, so an open connection does not keep them alive. */
export class ConnectAttempt implements OpeningHandler {
  #plan: ConnectAttemptPlan | undefined;
  #handler: ConnectAttemptHandler | undefined;
  #liveHandler: LiveHandler | undefined;
  #controller: AbortController | undefined;
  #deadline: Timer | undefined;
  #opening: Opening | undefined;
  #redactor: Redactor = defaultRedactor;
  #isOver = false;
  #hasFailed = false;
  #isReferenced = true;

  constructor(plan: ConnectAttemptPlan, handler: ConnectAttemptHandler, liveHandler: LiveHandler) {
    this.#plan = plan;
    this.#handler = handler;
    this.#liveHandler = liveHandler;
  }

  /** Created on first use, because most attempts do not need it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasFailed) this.#controller.abort();
    return this.#controller.signal;
  }

  /**
   * Starts the attempt. A provider function may abandon it during this call.
   * @param lastReport - The report on the previous connection or attempt of the client.
   */
  start(lastReport: CloseReport | undefined): void {
    // `lastReport` is not stored: unread error stacks in reports reference earlier attempts, which would form a chain.
    if (this.#isOver) return;
    const plan = this.#plan!;
    // No callback runs during this call, whether or not there are provider functions.
    if (isRequestStatic(plan.source)) void resolvedPromise.then(() => this.#dialStaticRequest(plan));
    else void this.#callProviders(plan, lastReport);
  }

  /** Abandons the attempt. `onFailed` is called with `reason`, immediately or when the socket has closed. */
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

  #dialStaticRequest(plan: ConnectAttemptPlan): void {
    const { source, resources } = plan;
    try {
      if (!this.#isOver) this.#dial(plan, prepareStaticRequest(source, resources.fillRandom));
    } catch (error) {
      this.#onRefused(error);
    }
  }

  async #callProviders(plan: ConnectAttemptPlan, lastReport: CloseReport | undefined): Promise<void> {
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
      const message =
        "A function given for url, headers or subprotocols did not finish " +
        `within ${timeoutMs} ms (connectTimeout).`;
      this.onFailed("provider", new TimeoutError(message, { operation: "connect", timeoutMs }));
    });
    if (!this.#isReferenced) this.#deadline.unref();
  }

  /** @throws if the request contains credentials that the option `insecureCredentials` forbids. */
  #dial({ options, resources }: ConnectAttemptPlan, request: ProxiedRequest): void {
    const { uri, handshake, proxy } = request;
    checkCredentials(request, options);
    this.#deadline?.clear();
    this.#deadline = undefined;
    const redactor = redactorOf(options.redact).with(sentSecrets(request, proxy, options.tls?.passphrase));
    this.#redactor = redactor;
    this.#handler!.onDialling(options.redact === undefined ? uri.display : redactor.url(uri.href), redactor);
    // A listener of that event may have closed the client.
    if (this.#isOver) return;
    const { runtime, connectTimeout } = options;
    const target = new AttemptTarget(uri, proxy, options, resources.readBuffer, this);
    this.#opening = new Opening({ runtime, target, handshake, timeout: connectTimeout }, this);
    if (!this.#isReferenced) this.#opening.unref();
  }

  // Called by the opening.
  onAccepted(accepted: AcceptingAnswer, stream: OpenedStream, times: OpeningTimes): void {
    const { options, resources, observer } = this.#plan!;
    const handler = this.#handler!;
    const live = new LiveConnection({
      ...stream,
      runtime: options.runtime,
      resources,
      extension: accepted.extension,
      settings: options,
      handler: this.#liveHandler!,
      observer,
    });
    this.#end();
    const { subprotocol, extensions } = accepted;
    const shown = this.#redactor.text(subprotocol, "subprotocol");
    const isPlain = subprotocol === "" && extensions === "";
    const kept =
      shown === subprotocol
        ? { subprotocol, extensions }
        : { subprotocol, extensions, shownSubprotocol: shown };
    handler.onOpen(live, isPlain ? nothingNegotiated : kept, times);
  }

  /** Also called by this class, if the attempt fails before it dials. */
  onFailed(phase: Phase, error: Error | undefined, addresses: readonly AddressAttempt[] = noAddresses): void {
    if (this.#isOver) return;
    const handler = this.#handler!;
    this.#hasFailed = true;
    this.#deadline?.clear();
    this.#controller?.abort();
    this.#end();
    handler.onFailed(phase, error, addresses);
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
