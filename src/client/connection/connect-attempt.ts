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
  type FailedAttempt,
  type OpenedStream,
  Opening,
  type OpeningHandler,
  type OpeningTimes,
} from "../../connection/opening.js";
import { TimeoutError } from "../../errors.js";
import type { CloseReport } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Timer } from "../../runtime/runtime.js";
import type { TlsSession, TransportTarget } from "../../runtime/transport.js";
import { toError } from "../../runtime/to-error.js";
import type { Redactor } from "../../redaction/redactor.js";
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
  /** The URL is known. Next, the attempt dials this URL. */
  onDialling(url: string): void;
  /** The server redirected the attempt to another URL. Next, the attempt dials that URL. */
  onRedirected(url: string): void;
  /** The connection is open. No message is delivered before this call returns. */
  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void;
  /** The attempt has failed and holds no resources any more. */
  onFailed(failure: FailedAttempt): void;
}

export interface ConnectAttemptPlan {
  readonly source: RequestSource;
  readonly options: ResolvedOptions;
  readonly resources: Resources;
  /** Hides the secrets of the client. The attempt adds the credentials that it sends. */
  readonly redactor: Redactor;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The TLS sessions of the client; `undefined` to resume none. */
  readonly tlsSessions?: TlsSession[] | undefined;
  /** Called with every frame of the connection. */
  readonly observer: FrameObserver | undefined;
}

const resolvedPromise = Promise.resolve();
const providers = "A function given for url, headers, subprotocols or proxy";

/**
 * The result of the negotiation if the server selected neither a subprotocol nor an extension. All such connections
 * share this object.
 */
const nothingNegotiated: AcceptedHandshake = Object.freeze({
  ...{ subprotocol: "", shownSubprotocol: "", extensions: "" },
});

/** One attempt to connect. A finished attempt drops its references, so an open connection does not keep them alive. */
export class ConnectAttempt implements OpeningHandler {
  /** The plan and the handler of the attempt; `undefined` after the attempt has succeeded or failed. */
  #plan: ConnectAttemptPlan | undefined;
  #handler: ConnectAttemptHandler | undefined;
  /** Created when the signal is first read. Most attempts do not use the signal. */
  #controller: AbortController | undefined;
  #hasFailed = false;
  #isAbandoned = false;
  #deadline: Timer | undefined;
  #opening: Opening | undefined;
  /** The request that was dialled last. */
  #request: ProxiedRequest | undefined;
  /** The TLS options for the server of the request. */
  #tls: TransportTarget["tls"];
  /** The URLs from which the attempt was redirected. */
  #visited: Set<string> | undefined;
  #dialledAt = 0;
  #isReferenced = true;

  constructor(plan: ConnectAttemptPlan, handler: ConnectAttemptHandler) {
    this.#plan = plan;
    this.#handler = handler;
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
    this.#isAbandoned = true;
    if (this.#opening !== undefined) this.#opening.abandon(reason);
    else this.onFailed({ phase: "provider", error: reason });
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
    this.onFailed({ phase: "provider", error: toError(error, providers) });
  }

  /** @param elapsed - Milliseconds of `connectTimeout` that have passed. */
  #armDeadline({ connectTimeout: timeoutMs, runtime }: ResolvedOptions, elapsed: number = 0): void {
    this.#deadline = runtime.setTimer(Math.max(timeoutMs - elapsed, 0), () => {
      const message = `${providers} did not finish within ${timeoutMs} ms (connectTimeout).`;
      const error = new TimeoutError(message, { operation: "connect", timeoutMs });
      this.onFailed({ phase: "provider", error });
    });
    if (!this.#isReferenced) this.#deadline.unref();
  }

  /** @throws if the request contains credentials that the option `insecureCredentials` forbids. */
  #dial(plan: ConnectAttemptPlan, request: ProxiedRequest): void {
    this.#dialledAt = plan.options.runtime.now();
    this.#handler!.onDialling(this.#inspect(plan, request));
    // A listener of `connecting` may have closed the client.
    if (this.#plan !== undefined) this.#open(plan, request, plan.options.tls);
  }

  /**
   * Collects the credentials of a request. Returns its URL without credentials.
   * @throws if the request contains credentials that the option `insecureCredentials` forbids.
   */
  #inspect({ options, redactor }: ConnectAttemptPlan, request: ProxiedRequest): string {
    const { uri, proxy } = request;
    checkCredentials(request, options);
    redactor.learn(sentSecrets(request, proxy, options.tls), this.#handler!);
    return redactor.url(uri);
  }

  #open(plan: ConnectAttemptPlan, request: ProxiedRequest, tls: TransportTarget["tls"]): void {
    this.#deadline?.clear();
    this.#deadline = undefined;
    this.#request = request;
    this.#tls = tls;
    const { options, resources, tlsSessions } = plan;
    const { runtime, connectTimeout: timeout } = options;
    // Each option is an own property of the target, so that none is read through a prototype.
    const { socketPath, lookup, localAddress, noDelay, keepAlive, createConnection } = options;
    const { href: url, host, port, isSecure } = request.uri;
    const target: TransportTarget = {
      ...{ url, host, port, isSecure, socketPath, tls, tlsSessions, lookup, localAddress },
      ...{ noDelay, keepAlive, createConnection, proxy: request.proxy, readBuffer: resources.readBuffer },
      signal: createConnection && this.signal,
    };
    const elapsed = runtime.now() - this.#dialledAt;
    this.#opening = new Opening({ runtime, target, handshake: request.handshake, timeout, elapsed }, this);
    if (!this.#isReferenced) this.#opening.unref();
  }

  // The following methods are called by `Opening`.

  onAccepted(accepted: AcceptingAnswer, stream: OpenedStream, times: OpeningTimes): void {
    const { options, resources, observer, redactor } = this.#plan!;
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
    const shownSubprotocol = redactor.text(subprotocol, "subprotocol");
    const isPlain = subprotocol === "" && extensions === "";
    const kept = { subprotocol, extensions, shownSubprotocol };
    handler.onOpen(live, isPlain ? nothingNegotiated : kept, times);
  }

  /** Also called by this class, if the attempt fails before it dials. */
  onFailed(failure: FailedAttempt): void {
    const { phase, error } = failure;
    // An attempt may be abandoned after the redirect has arrived, while its socket is closing.
    const followRedirects = this.#isAbandoned ? 0 : (this.#plan?.options.followRedirects ?? 0);
    if (phase === "http" && followRedirects > 0 && isRedirect(error)) void this.#redirect(failure, error);
    else this.#fail(failure);
  }

  /** Follows a redirect within the time that the attempt has left. */
  async #redirect(failure: FailedAttempt, redirect: HandshakeError): Promise<void> {
    const plan = this.#plan!;
    const { options, resources } = plan;
    const sent = this.#request!;
    this.#opening = undefined;
    let { phase } = failure;
    try {
      this.#visited ??= new Set();
      const next = followRedirect(sent, redirect, this.#visited, options.followRedirects);
      phase = "provider";
      this.#armDeadline(options, options.runtime.now() - this.#dialledAt);
      const values = { ...next, deflate: options.deflate };
      const request = await addProxy(values, options.proxy, resources.fillRandom);
      this.#handler?.onRedirected(this.#inspect(plan, request));
      const tls = isSameOrigin(sent.uri, request.uri) ? this.#tls : withoutIdentity(this.#tls);
      // The attempt may have been abandoned meanwhile.
      if (this.#plan !== undefined) this.#open(plan, request, tls);
    } catch (thrown) {
      this.#fail({ ...failure, phase, error: toError(thrown, "The option proxy"), tls: undefined });
    }
  }

  #fail(failure: FailedAttempt): void {
    if (this.#plan === undefined) return;
    const handler = this.#handler!;
    this.#deadline?.clear();
    this.#hasFailed = true;
    this.#controller?.abort();
    this.#end();
    handler.onFailed(failure);
  }

  #end(): void {
    this.#plan = undefined;
    this.#handler = undefined;
    this.#deadline = undefined;
    this.#opening = undefined;
    this.#request = undefined;
    this.#tls = undefined;
  }
}
