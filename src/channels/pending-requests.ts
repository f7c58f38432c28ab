/**
 * The requests of a feed that wait for their answers, and those whose answers may still arrive. It does not choose the
 * connection of a request.
 */
import {
  BufferOverflowError,
  type Runtime,
  type SetupConnection,
  type Timer,
  TimeoutError,
} from "../index.js";
import { reportOf, RequestError } from "./errors.js";
import { isUnwantedPromise } from "./listeners.js";
import type { ResolvedRequest } from "./resolve-options.js";
import { SharedAborts } from "./shared-abort.js";

/** A connection on which requests are sent. */
export interface RequestSession {
  readonly connection: SetupConnection<unknown, unknown>;
}

export interface PendingRequestsHost {
  readonly runtime: Runtime;
  /** The connection for a request that is sent now. */
  readonly session: RequestSession | undefined;
  /** Why there can be no further connection. */
  readonly unusable: Error | undefined;
  readonly maxPending: number;
  /** An answer arrived after its request had ended. */
  onLateAnswer(message: unknown): void;
  reportError(error: unknown): void;
}

/** Smallest number of ids whose late answers are recognized. */
const minLate = 10_000;

/** Wait in milliseconds after the send buffer of the client was full. */
const overflowDelay = 1_000;

interface Request {
  /** `undefined` after the request has ended, so that it uses no memory. */
  message: unknown;
  readonly id: string | number | undefined;
  readonly matches: ((message: unknown) => unknown) | undefined;
  readonly isRetried: boolean;
  /** The connection on which the request was sent last. */
  session: RequestSession | undefined;
  /** True if the request has ended, and its answer may still arrive. */
  isLate: boolean;
  settle: { resolve(message: unknown): void; reject(reason: unknown): void; stop(): void } | undefined;
}

export class PendingRequests {
  readonly #host: PendingRequestsHost;
  /** Requests with an id, pending and late. */
  readonly #byId = new Map<string | number, Request>();
  /** Requests with `matches`, pending and late, in the order in which they were made. */
  readonly #matching = new Set<Request>();
  /** Late requests with an id, oldest first. */
  readonly #late = new Set<Request>();
  readonly #aborts = new SharedAborts();
  #overflowTimer: Timer | undefined;
  #count = 0;

  constructor(host: PendingRequestsHost) {
    this.#host = host;
  }

  /** The number of requests that wait for their answers. */
  get count(): number {
    return this.#count;
  }

  get hasMatching(): boolean {
    return this.#matching.size > 0;
  }

  /** True if a request with the id is pending, or its answer may still arrive. */
  hasId(id: string | number): boolean {
    return this.#byId.has(id);
  }

  get hasIds(): boolean {
    return this.#byId.size > 0;
  }

  /** Sends a request. The promise of a refused request rejects, and this method does not throw. */
  send(message: unknown, options: ResolvedRequest, timeout: number): Promise<unknown> {
    const { id, matches, signal, retry } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const refusal = this.#refusal(options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const request: Request = {
      ...{ message, id, matches, isRetried: retry, session: undefined, isLate: false, settle: undefined },
    };
    const promise = this.#wait(request, timeout, signal);
    this.#count++;
    if (id !== undefined) this.#byId.set(id, request);
    else this.#matching.add(request);
    this.#transmit(request, true);
    return promise;
  }

  #refusal({ id, retry }: ResolvedRequest): Error | undefined {
    const { maxPending, session } = this.#host;
    if (session === undefined) {
      const { unusable } = this.#host;
      if (unusable !== undefined) return notConnected(unusable, unusable.message);
      if (!retry) return notConnected(undefined);
    }
    if (id !== undefined && this.#byId.has(id)) {
      const message = `Another request with the id ${JSON.stringify(id)} is pending, or its answer may still arrive. Use another id.`;
      return new RequestError(message, { code: "DUPLICATE_ID" });
    }
    // Late requests with `matches` count, too: without them, a late answer would be given to another request.
    const lateCount = id === undefined ? this.#matching.size : 0;
    if (this.#count < maxPending && lateCount < maxPending) return undefined;
    return new BufferOverflowError(
      `${maxPending} requests wait for answers (maxPending). Wait for answers before the next request; without ids, ` +
        `requests whose answers are missing count until the connection ends.`,
    );
  }

  #wait(request: Request, timeout: number, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = timeout === Infinity ? undefined : this.#startTimer(request, timeout);
      const stopListening = this.#aborts.add(signal, () => this.#abandon(request, signal?.reason));
      const stop = (): void => {
        timer?.clear();
        stopListening();
      };
      request.settle = { resolve, reject, stop };
    });
  }

  #startTimer(request: Request, timeoutMs: number): Timer {
    return this.#host.runtime.setTimer(timeoutMs, () => {
      const text = `No answer arrived within the ${timeoutMs} ms of the request. A later answer is reported as unrouted.`;
      this.#abandon(request, new TimeoutError(text, { operation: "request", timeoutMs }));
    });
  }

  /** @param isNew - `true` during the call of `send()`, so that the application learns that the send buffer is full. */
  #transmit(request: Request, isNew: boolean): void {
    const { session } = this.#host;
    if (session === undefined) return;
    request.session = session;
    session.connection.send(request.message).catch((error: unknown) => {
      if (request.session !== session) return;
      if (request.settle === undefined) {
        // A request that was not sent has no late answer. The end of a connection is handled in `onSessionEnd`.
        if (!session.connection.ended.aborted) this.#remove(request);
        return;
      }
      // The next connection sends the request again.
      const isClosing = isInvalidState(error);
      const isFull = !isNew && error instanceof BufferOverflowError;
      if (request.isRetried && (session.connection.ended.aborted || isClosing || isFull)) {
        request.session = undefined;
        // Another connection may be open already.
        if (this.#host.session !== session) this.#transmit(request, false);
        else if (isFull) this.#sendLater();
      } else this.#end(request)?.reject(isClosing ? notConnected(error) : error);
    });
  }

  #sendLater(): void {
    this.#overflowTimer ??= this.#host.runtime.setTimer(overflowDelay, () => {
      this.#overflowTimer = undefined;
      this.onSession();
    });
    // The socket keeps the process running, not this timer.
    this.#overflowTimer.unref();
  }

  /** Ends the wait of a request. Its answer may still arrive, if the request was sent. */
  #abandon(request: Request, reason: unknown): void {
    const { settle, session } = request;
    if (settle === undefined) return;
    request.settle = undefined;
    this.#count--;
    if (session === undefined) this.#remove(request);
    else {
      request.isLate = true;
      request.message = undefined;
      if (request.id !== undefined) this.#addLate(request);
    }
    settle.stop();
    settle.reject(reason);
  }

  #addLate(request: Request): void {
    this.#late.add(request);
    const [oldest] = this.#late;
    if (this.#late.size > Math.max(this.#host.maxPending, minLate) && oldest !== undefined)
      this.#remove(oldest);
  }

  #remove(request: Request): void {
    this.#matching.delete(request);
    this.#late.delete(request);
    // A later request may have the same id.
    if (request.id !== undefined && this.#byId.get(request.id) === request) this.#byId.delete(request.id);
  }

  #end(request: Request): Request["settle"] {
    const { settle } = request;
    this.#remove(request);
    request.settle = undefined;
    if (settle === undefined) return undefined;
    this.#count--;
    settle.stop();
    return settle;
  }

  /** @returns `true` if the message is the answer of a request with `matches`. */
  offer(message: unknown): boolean {
    // `matches` may make or end requests.
    for (const request of [...this.#matching]) {
      if (!this.#matching.has(request)) continue;
      let isAnswer: unknown;
      try {
        isAnswer = request.matches?.(message);
        if (isUnwantedPromise(isAnswer))
          throw new TypeError("It returned a promise instead of true or false.");
      } catch (cause) {
        this.#onFunctionError(request, cause);
        continue;
      }
      if (isAnswer !== true || !this.#matching.has(request)) continue;
      this.#answer(request, message);
      return true;
    }
    return false;
  }

  #onFunctionError(request: Request, cause: unknown): void {
    const message = "The option matches of a request failed. See the cause of this error.";
    const error = new RequestError(message, { code: "REQUEST_FUNCTION_FAILED", cause });
    const settle = this.#end(request);
    if (settle === undefined) this.#host.reportError(error);
    else settle.reject(error);
  }

  /** @returns `true` if the message is the answer of the request with the id. */
  offerId(id: unknown, message: unknown): boolean {
    const request = this.#byId.get(id as string | number);
    // A request that is not sent yet has no answer.
    if (request === undefined || (request.session === undefined && !request.isLate)) return false;
    this.#answer(request, message);
    return true;
  }

  #answer(request: Request, message: unknown): void {
    const settle = this.#end(request);
    if (settle === undefined) this.#host.onLateAnswer(message);
    else settle.resolve(message);
  }

  /** A connection can be used. Sends the requests that wait for it. */
  onSession(): void {
    for (const request of [...this.#matching, ...this.#byId.values()])
      if (request.session === undefined && !request.isLate) this.#transmit(request, false);
  }

  /**
   * A connection has ended.
   * @param isDelivering - `true` if received messages of the connection may still be delivered. Late requests are then kept
   *   until {@link onDelivered}, and requests with `retry` are sent again then: two answers to one request could not be told
   *   apart from the answer to a later request with the same id.
   */
  onSessionEnd(session: RequestSession, isDelivering: boolean): void {
    for (const request of [...this.#matching, ...this.#byId.values()]) {
      if (request.session !== session) continue;
      if (request.isLate && isDelivering) request.session = undefined;
      else if (request.isLate) this.#remove(request);
      else if (request.isRetried && isDelivering) continue;
      else if (request.isRetried) request.session = undefined;
      else if (isDelivering) this.#loseWhilePaused(request, session);
      else this.#end(request)?.reject(endedError(session));
    }
    // Another connection may be open already.
    if (this.#host.session !== undefined) this.onSession();
  }

  /** The answer may be among the messages that are not delivered yet, and must not be given to another request. */
  #loseWhilePaused(request: Request, session: RequestSession): void {
    this.#abandon(request, endedError(session));
    request.session = undefined;
  }

  /** All messages of ended connections were delivered. */
  onDelivered(): void {
    for (const request of [...this.#matching, ...this.#byId.values()]) {
      if (request.session?.connection.ended.aborted === true) request.session = undefined;
      if (request.isLate && request.session === undefined) this.#remove(request);
    }
    this.onSession();
  }

  /** Ends all requests. */
  end(reason: unknown): void {
    for (const request of [...this.#matching, ...this.#byId.values()]) this.#end(request)?.reject(reason);
  }
}

function notConnected(
  cause: unknown,
  message = "There is no open connection. Call attach(), and wait until the client is connected, or set the option retry.",
): RequestError {
  return new RequestError(message, { code: "NOT_CONNECTED", cause });
}

function isInvalidState(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "INVALID_STATE";
}

function endedError({ connection }: RequestSession): RequestError {
  const { ended } = connection;
  const message =
    "The connection ended before the answer arrived. The server may have processed the request. See the property " +
    "report of this error; with the option retry, the request is sent again.";
  const error = new RequestError(message, { code: "CONNECTION_ENDED", cause: ended.reason });
  const report = reportOf(ended);
  if (report !== undefined) error.report = report;
  return error;
}
