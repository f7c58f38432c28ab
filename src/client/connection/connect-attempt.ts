/**
 * Makes one attempt to connect: calls the provider functions, dials, and performs the opening handshake. It does not
 * retry.
 */
import type { FrameObserver, HandshakeError, Resources } from "../../../protocol/index.js";
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
import type { Timer } from "../../runtime/runtime.js";
import type { TlsDetails } from "../../events/tls-details.js";
import type { AddressAttempt, TlsSession, TransportTarget } from "../../runtime/transport.js";
import { toError } from "../../runtime/to-error.js";
import { type Redactor, redactorOf } from "../../redaction/redactor.js";
import { sentSecrets } from "../../redaction/sent-secrets.js";
import { checkCredentials } from "./insecure-credentials.js";
import {
  isRequestStatic,
  type ProxiedRequest,
  prepareStaticRequest,
  prepareRequest,
  type RequestSource,
  addProxy,
} from "./request.js";
import { followRedirect, isRedirect, isSameOrigin, withoutIdentity } from "./redirects.js";

/** Receives the result of an attempt. The same object then receives the events of the open connection. */
export interface ConnectAttemptHandler extends LiveHandler {
  /** The URL is known. Next, the attempt dials this URL. `redactor` knows the credentials of the request. */
  onDialling(url: string, redactor: Redactor): void;
  /** The server redirected the attempt to another URL. Next, the attempt dials that URL. */
  onRedirected(url: string, redactor: Redactor): void;
  /** The connection is open. No message is delivered before this call returns. */
  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void;
  /** The attempt has failed and holds no resources any more. */
  onFailed(
    phase: Phase,
    error: Error | undefined,
    addresses: readonly AddressAttempt[],
    tls: TlsDetails | undefined,
  ): void;
}

export interface ConnectAttemptPlan {
  readonly source: RequestSource;
  readonly options: ResolvedOptions;
  readonly resources: Resources;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The TLS sessions of the client; `undefined` to resume none. */
  readonly tlsSessions?: TlsSession[] | undefined;
  /** Called with every frame of the connection. */
  readonly observer: FrameObserver | undefined;
}

const noAddresses: readonly AddressAttempt[] = [];
const resolvedPromise = Promise.resolve();

/** A class, because V8 would create a hidden class for each object literal with a getter. */
class AttemptTarget implements TransportTarget {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly socketPath: TransportTarget["socketPath"];
  readonly tls: TransportTarget["tls"];
  readonly tlsSessions: TransportTarget["tlsSessions"];
  readonly lookup: TransportTarget["lookup"];
  readonly localAddress: TransportTarget["localAddress"];
  readonly noDelay: boolean;
  readonly keepAlive: number | false;
  readonly createConnection: TransportTarget["createConnection"];
  readonly proxy: TransportTarget["proxy"];
  readonly readBuffer: Buffer;
  readonly #attempt: ConnectAttempt;

  constructor(
    { uri, proxy }: ProxiedRequest,
    { options, resources, tlsSessions }: ConnectAttemptPlan,
    tls: TransportTarget["tls"],
    attempt: ConnectAttempt,
  ) {
    this.url = uri.href;
    this.host = uri.host;
    this.port = uri.port;
    this.isSecure = uri.isSecure;
    this.socketPath = options.socketPath;
    this.tls = tls;
    this.tlsSessions = tlsSessions;
    this.lookup = options.lookup;
    this.localAddress = options.localAddress;
    this.noDelay = options.noDelay;
    this.keepAlive = options.keepAlive;
    this.createConnection = options.createConnection;
    this.proxy = proxy;
    this.readBuffer = resources.readBuffer;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
}

/**
 * The result of the negotiation if the server selected neither a subprotocol nor an extension. All such connections
 * share this object.
 */
const nothingNegotiated: AcceptedHandshake = Object.freeze({ subprotocol: "", extensions: "" });

/** One attempt to connect. A finished attempt drops its references, so an open connection does not keep them alive. */
export class ConnectAttempt implements OpeningHandler {
  /** The plan and the handler of the attempt; `undefined` after the attempt has succeeded or failed. */
  #plan: ConnectAttemptPlan | undefined;
  #handler: ConnectAttemptHandler | undefined;
  /** Created when the signal is first read. Most attempts do not use the signal. */
  #controller: AbortController | undefined;
  #hasFailed = false;
  #deadline: Timer | undefined;
  #opening: Opening | undefined;
  #redactor: Redactor;
  /** The request that was dialled last. */
  #request: ProxiedRequest | undefined;
  /** The URLs from which the attempt was redirected. */
  #visited: Set<string> | undefined;
  #dialledAt = 0;
  #isReferenced = true;

  constructor(plan: ConnectAttemptPlan, handler: ConnectAttemptHandler) {
    this.#plan = plan;
    this.#handler = handler;
    this.#redactor = redactorOf(plan.options.redact);
  }

  /** Aborted when the attempt fails. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasFailed) this.#controller.abort();
    return this.#controller.signal;
  }

  /**
   * Starts the attempt. A provider function may abandon the attempt during this call.
   * @param lastReport - The report on the previous connection or attempt of the client.
   */
  start(lastReport: CloseReport | undefined): void {
    // `lastReport` is not stored in the attempt. Otherwise each report would keep the previous attempt and its report
    // in memory.
    const plan = this.#plan;
    if (plan === undefined) return;
    // The handler is called only after this method has returned, even if no provider function delays the attempt.
    if (isRequestStatic(plan.source)) void resolvedPromise.then(() => this.#dialStaticRequest(plan));
    else void this.#callProviders(plan, lastReport);
  }

  /** Abandons the attempt. `onFailed` is called with `reason`: immediately, or after the socket has closed. */
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
      if (this.#plan !== undefined) this.#dial(plan, prepareStaticRequest(source, resources.fillRandom));
    } catch (error) {
      this.#onRefused(error);
    }
  }

  async #callProviders(plan: ConnectAttemptPlan, lastReport: CloseReport | undefined): Promise<void> {
    const { source, options, resources, attempt } = plan;
    this.#armDeadline(options);
    const { signal } = this;
    try {
      const context = { attempt, lastReport, signal };
      const request = await prepareRequest(source, context, resources.fillRandom);
      if (this.#plan !== undefined) this.#dial(plan, request);
    } catch (error) {
      this.#onRefused(error);
    }
  }

  #onRefused(error: unknown): void {
    this.onFailed("provider", toError(error, "A function given for url, headers, subprotocols or proxy"));
  }

  /** @param elapsed - Milliseconds of `connectTimeout` that have passed. */
  #armDeadline({ connectTimeout: timeoutMs, runtime }: ResolvedOptions, elapsed: number = 0): void {
    this.#deadline = runtime.setTimer(Math.max(timeoutMs - elapsed, 0), () => {
      const message =
        "A function given for url, headers, subprotocols or proxy did not finish " +
        `within ${timeoutMs} ms (connectTimeout).`;
      this.onFailed("provider", new TimeoutError(message, { operation: "connect", timeoutMs }));
    });
    if (!this.#isReferenced) this.#deadline.unref();
  }

  /** @throws if the request contains credentials that the option `insecureCredentials` forbids. */
  #dial(plan: ConnectAttemptPlan, request: ProxiedRequest): void {
    this.#dialledAt = plan.options.runtime.now();
    this.#handler!.onDialling(this.#inspect(plan, request), this.#redactor);
    // A listener of `connecting` may have closed the client.
    if (this.#plan !== undefined) this.#open(plan, request, plan.options.tls);
  }

  /**
   * Collects the credentials of a request. Returns its URL without credentials.
   * @throws if the request contains credentials that the option `insecureCredentials` forbids.
   */
  #inspect({ options }: ConnectAttemptPlan, request: ProxiedRequest): string {
    const { uri, proxy } = request;
    checkCredentials(request, options);
    this.#redactor = this.#redactor.with(sentSecrets(request, proxy, options.tls?.passphrase));
    return options.redact === undefined ? uri.display : this.#redactor.url(uri.href);
  }

  #open(plan: ConnectAttemptPlan, request: ProxiedRequest, tls: TransportTarget["tls"]): void {
    this.#deadline?.clear();
    this.#deadline = undefined;
    this.#request = request;
    const { runtime, connectTimeout: timeout } = plan.options;
    const target = new AttemptTarget(request, plan, tls, this);
    const elapsed = runtime.now() - this.#dialledAt;
    this.#opening = new Opening({ runtime, target, handshake: request.handshake, timeout, elapsed }, this);
    if (!this.#isReferenced) this.#opening.unref();
  }

  // The following methods are called by `Opening`.

  onAccepted(accepted: AcceptingAnswer, stream: OpenedStream, times: OpeningTimes): void {
    const { options, resources, observer } = this.#plan!;
    const handler = this.#handler!;
    const live = new LiveConnection({
      ...stream,
      runtime: options.runtime,
      resources,
      extension: accepted.extension,
      settings: options,
      handler,
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
  onFailed(
    phase: Phase,
    error: Error | undefined,
    addresses: readonly AddressAttempt[] = noAddresses,
    tls?: TlsDetails,
  ): void {
    const followRedirects = this.#plan?.options.followRedirects ?? 0;
    if (phase === "http" && followRedirects > 0 && isRedirect(error)) void this.#redirect(error, addresses);
    else this.#fail(phase, error, addresses, tls);
  }

  /** Follows a redirect within the time that the attempt has left. */
  async #redirect(error: HandshakeError, addresses: readonly AddressAttempt[]): Promise<void> {
    const plan = this.#plan!;
    const { options, resources } = plan;
    const sent = this.#request!;
    this.#opening = undefined;
    try {
      this.#visited ??= new Set();
      const next = followRedirect(sent, error, this.#visited, options.followRedirects);
      this.#armDeadline(options, options.runtime.now() - this.#dialledAt);
      const values = { ...next, deflate: options.deflate };
      const request = await addProxy(values, options.proxy, resources.fillRandom);
      this.#handler?.onRedirected(this.#inspect(plan, request), this.#redactor);
      const tls = isSameOrigin(sent.uri, request.uri) ? options.tls : withoutIdentity(options.tls);
      // The attempt may have been abandoned meanwhile.
      if (this.#plan !== undefined) this.#open(plan, request, tls);
    } catch (thrown) {
      this.#fail("http", toError(thrown, "The option proxy"), addresses);
    }
  }

  #fail(
    phase: Phase,
    error: Error | undefined,
    addresses: readonly AddressAttempt[],
    tls?: TlsDetails,
  ): void {
    if (this.#plan === undefined) return;
    const handler = this.#handler!;
    this.#deadline?.clear();
    this.#hasFailed = true;
    this.#controller?.abort();
    this.#end();
    handler.onFailed(phase, error, addresses, tls);
  }

  #end(): void {
    this.#plan = undefined;
    this.#handler = undefined;
    this.#deadline = undefined;
    this.#opening = undefined;
    this.#request = undefined;
  }
}
