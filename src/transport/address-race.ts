// Dials the addresses of a host by the rules of RFC 8305 (Happy Eyeballs). It does not use the connected socket.
import type { LookupAddress } from "node:dns";
import type { LookupFunction, Socket } from "node:net";
import { ownOptions } from "../../protocol/index.js";
import { nodeDns, nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { toError } from "../runtime/to-error.js";
import type { AddressAttempt } from "../runtime/transport.js";

/** RFC 8305 5: milliseconds between the starts of two attempts, unless the earlier one fails sooner. */
const attemptDelay = 250;

/** Most errors whose messages are parts of the message of the common error. */
const maxShownErrors = 8;

export interface AddressRaceContext {
  /** A host name or an IP address. */
  readonly host: string;
  readonly port: number;
  /** Default: `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined;
  readonly localAddress?: string | undefined;
  /** Creates a socket and starts to connect it to `address`. */
  connect(address: string): Socket;
}

export interface AddressRaceHandler {
  /** The addresses of the host are known. */
  onLookup(): void;
  /** A socket is connected. All others are destroyed. */
  onConnected(socket: Socket): void;
  /** No address could be connected. */
  onFailed(error: Error): void;
}

interface Address {
  readonly address: string;
  readonly family: number;
}

type Attempt = { -readonly [Name in keyof AddressAttempt]: AddressAttempt[Name] };

/** Connects to the first address that answers. */
export class AddressRace {
  readonly #context: AddressRaceContext;
  readonly #handler: AddressRaceHandler;
  readonly #startedAt: number = performance.now();
  readonly #sockets: Map<Socket, Attempt> = new Map();
  readonly #errors: Error[] = [];
  #waiting: Address[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isReferenced = true;
  /** All attempts so far, in the order of their starts. */
  readonly attempts: AddressAttempt[] = [];

  constructor(context: AddressRaceContext, handler: AddressRaceHandler) {
    this.#context = context;
    this.#handler = handler;
    const family = nodeNet().isIP(context.host);
    // In the next tick, so that the caller has this object before its handler is called.
    process.nextTick(() => {
      if (this.#isOver) return;
      if (family !== 0) this.#begin([{ address: context.host, family }]);
      else this.#lookUp();
    });
  }

  #lookUp(): void {
    const { host, lookup } = this.#context;
    let isDone = false;
    const fail = (reason: unknown): void => this.#end(toError(reason, "lookup"));
    try {
      const look: (...call: Parameters<LookupFunction>) => unknown = lookup ?? nodeDns().lookup;
      const result = look(host, ownOptions({ all: true }), (error, found, family) => {
        if (this.#isOver || isDone) return;
        isDone = true;
        if (error) fail(error);
        else this.#onFound(typeof found === "string" ? [{ address: found, family: family ?? 0 }] : found);
      });
      // An async function throws by a rejection.
      if (nodeUtil().types.isPromise(result)) result.catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** @param found - May be anything, if it comes from a `lookup` function of the application. */
  #onFound(found: unknown): void {
    const addresses = addressesIn(found);
    if (addresses.length === 0) {
      const message = `lookup found no IP address for ${this.#context.host}`;
      this.#end(Object.assign(new Error(message), { code: "ENOTFOUND" }));
      return;
    }
    this.#handler.onLookup();
    this.#begin(addresses);
  }

  #begin(addresses: readonly Address[]): void {
    const { localAddress } = this.#context;
    const local = localAddress === undefined ? 0 : nodeNet().isIP(localAddress);
    const usable = addresses.filter(({ family }) => local === 0 || family === local);
    this.#waiting = interleave(usable.length === 0 ? addresses : usable);
    this.#startNext();
  }

  #startNext(): void {
    clearTimeout(this.#timer);
    const next = this.#waiting.shift();
    if (next === undefined || this.#isOver) return;
    const attempt: Attempt = {
      ...{ address: next.address, port: this.#context.port },
      ...{ atMs: this.#elapsed(), durationMs: undefined, result: "pending", error: undefined },
    };
    this.attempts.push(attempt);
    try {
      this.#watch(this.#context.connect(next.address), attempt);
    } catch (thrown) {
      // Node refuses an option, so every other address would fail too.
      attempt.error = toError(thrown, "connect");
      this.#settle(attempt, "failed");
      this.#end(attempt.error);
      return;
    }
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => this.#startNext(), attemptDelay);
    if (!this.#isReferenced) this.#timer.unref();
  }

  #watch(socket: Socket, attempt: Attempt): void {
    this.#sockets.set(socket, attempt);
    if (!this.#isReferenced) socket.unref();
    const onError = (error: Error): void => {
      if (this.#sockets.delete(socket)) this.#onFailed(attempt, error);
    };
    socket.on("error", onError);
    socket.once("connect", () => {
      if (!this.#sockets.delete(socket)) return;
      socket.off("error", onError);
      this.#settle(attempt, "connected");
      this.stop();
      this.#handler.onConnected(socket);
    });
  }

  #onFailed(attempt: Attempt, error: Error): void {
    this.#settle(attempt, "failed");
    attempt.error = error;
    this.#errors.push(error);
    if (this.#waiting.length > 0) this.#startNext();
    else if (this.#sockets.size === 0) this.#end(joined(this.#errors));
  }

  #settle(attempt: Attempt, result: AddressAttempt["result"]): void {
    attempt.result = result;
    attempt.durationMs = this.#elapsed() - attempt.atMs;
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  #end(error: Error): void {
    if (this.#isOver) return;
    this.stop();
    this.#handler.onFailed(error);
  }

  /** Destroys all sockets that are not connected. The handler is not called any more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const [socket, attempt] of this.#sockets) {
      this.#settle(attempt, "abandoned");
      // The listener for errors stays: a destroyed socket may still emit one.
      socket.destroy();
    }
    this.#sockets.clear();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
    for (const socket of this.#sockets.keys()) socket.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
    for (const socket of this.#sockets.keys()) socket.unref();
  }
}

function addressesIn(found: unknown): Address[] {
  if (!Array.isArray(found)) return [];
  const known = new Map<string, Address>();
  for (const one of found as (LookupAddress | undefined)[]) {
    const family = nodeNet().isIP(one?.address ?? "");
    if (family !== 0) known.set(one!.address, { address: one!.address, family });
  }
  return [...known.values()];
}

/** RFC 8305 4: the families take turns, beginning with the family of the first address. */
function interleave(addresses: readonly Address[]): Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]!.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]!.family);
  const rest = (first.length > second.length ? first : second).slice(Math.min(first.length, second.length));
  return [...second.flatMap((other, index) => (index < first.length ? [first[index]!, other] : [])), ...rest];
}

/** Returns the error itself, or an AggregateError like that of Node, with the code of the first error. */
function joined(errors: readonly Error[]): Error {
  const [first] = errors;
  if (errors.length === 1) return first!;
  const shown = errors.slice(0, maxShownErrors).map((error) => error.message);
  if (errors.length > maxShownErrors) shown.push(`and ${errors.length - maxShownErrors} other errors`);
  const message = shown.join("; ");
  return Object.assign(new AggregateError(errors, message), { code: (first as { code?: unknown }).code });
}
