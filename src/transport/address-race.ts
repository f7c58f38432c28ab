// Dials the addresses of a host by the rules of RFC 8305 (Happy Eyeballs). It does not use the connected socket.
import type { LookupAddress } from "node:dns";
import type { LookupFunction, Socket } from "node:net";
import { ownOptions } from "../../protocol/index.js";
import { nodeDns, nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { toError } from "../runtime/to-error.js";
import type { AddressAttempt } from "../runtime/transport.js";
import { withMessage } from "./transport-error.js";

/** RFC 8305 5: milliseconds between the starts of two attempts, unless the earlier one fails sooner. */
const attemptDelay = 250;

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

type Attempt = { -readonly [Name in keyof AddressAttempt]: AddressAttempt[Name] };

/** Connects to the first address that answers. */
export class AddressRace {
  readonly #context: AddressRaceContext;
  readonly #handler: AddressRaceHandler;
  readonly #startedAt: number = performance.now();
  readonly #sockets: Map<Socket, Attempt> = new Map();
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isReferenced = true;
  /** All attempts so far, in the order of their starts. */
  readonly attempts: Attempt[] = [];

  constructor(context: AddressRaceContext, handler: AddressRaceHandler) {
    this.#context = context;
    this.#handler = handler;
    // In the next tick, so that the caller has this object before its handler is called.
    process.nextTick(() => this.#start());
  }

  #start(): void {
    const { host, localAddress } = this.#context;
    if (this.#isOver) return;
    try {
      // Node throws too, but leaks the handle that it has created by then.
      if (localAddress !== undefined && familyOf(localAddress) === 0)
        throw new TypeError(`localAddress must be an IP address, got ${nodeUtil().inspect(localAddress)}`);
      if (familyOf(host) !== 0) this.#dial([host]);
      else this.#lookUp(host);
    } catch (thrown) {
      this.#end(toError(thrown, "lookup"));
    }
  }

  #lookUp(host: string): void {
    const lookup: (...call: Parameters<LookupFunction>) => unknown = this.#context.lookup ?? nodeDns().lookup;
    const result = lookup(host, ownOptions({ all: true }), (error, found) => this.#onLookup(error, found));
    // An async function throws by a rejection.
    if (nodeUtil().types.isPromise(result))
      result.catch((reason: unknown) => this.#end(toError(reason, "lookup")));
  }

  /** @param found - May be anything, if it comes from a `lookup` function of the application. */
  #onLookup(error: Error | null, found: unknown): void {
    // A function of the application may call back twice.
    if (this.#isOver || this.attempts.length > 0) return;
    const addresses = new Set(
      [found].flat().map((one) => (one as LookupAddress | undefined)?.address ?? one),
    );
    const valid = [...addresses].filter((one) => familyOf(one) !== 0) as string[];
    if (error || valid.length === 0) {
      const message = `lookup found no IP address for ${this.#context.host}`;
      this.#end(error ? toError(error, "lookup") : Object.assign(new Error(message), { code: "ENOTFOUND" }));
      return;
    }
    this.#handler.onLookup();
    this.#dial(valid);
  }

  #dial(addresses: readonly string[]): void {
    const local = familyOf(this.#context.localAddress);
    const usable = addresses.filter((address) => familyOf(address) === local);
    this.#waiting = interleave(usable.length === 0 ? addresses : usable);
    this.#startNext();
  }

  #startNext(): void {
    clearTimeout(this.#timer);
    const address = this.#waiting.shift();
    if (address === undefined || this.#isOver) return;
    const { port } = this.#context;
    const atMs = this.#elapsed();
    const attempt: Attempt = {
      ...{ address, port, atMs, durationMs: undefined, result: "pending", error: undefined },
    };
    this.attempts.push(attempt);
    try {
      this.#watch(this.#context.connect(address), attempt);
    } catch (thrown) {
      // Node refuses an option, so every other address would fail too.
      attempt.error = toError(thrown, "connect");
      this.#settle(attempt, "failed");
      this.#end(attempt.error);
      return;
    }
    // The pending sockets keep the process alive.
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#startNext(), attemptDelay).unref();
  }

  #watch(socket: Socket, attempt: Attempt): void {
    this.#sockets.set(socket, attempt);
    if (!this.#isReferenced) socket.unref();
    const onError = (error: Error): void => {
      if (this.#sockets.delete(socket)) this.#onFailed(attempt, error);
    };
    socket.on("error", onError).once("connect", () => {
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
    if (this.#waiting.length > 0) this.#startNext();
    else if (this.#sockets.size === 0) this.#end(joined(this.attempts.map((one) => one.error!)));
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
    for (const socket of this.#sockets.keys()) socket.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    for (const socket of this.#sockets.keys()) socket.unref();
  }
}

/** Returns 0 for a value that is not an IP address. */
function familyOf(address: unknown): number {
  return nodeNet().isIP(address as string);
}

/** RFC 8305 4: the families take turns, beginning with the family of the first address. */
function interleave(addresses: readonly string[]): string[] {
  const family = familyOf(addresses[0]);
  const first = addresses.filter((address) => familyOf(address) === family);
  const second = addresses.filter((address) => familyOf(address) !== family);
  const turns = addresses.flatMap((_, index) => [first[index], second[index]]);
  return turns.filter((address) => address !== undefined);
}

/** Returns the error itself, or an AggregateError like that of Node, with the code of the first error. */
function joined(errors: readonly Error[]): Error {
  const [first] = errors as readonly [NodeJS.ErrnoException];
  if (errors.length === 1) return first;
  return withMessage(Object.assign(new AggregateError(errors), { code: first.code }));
}
