// Lets the opening handshakes to the same host and port run one after another. It does not connect.
import type { Runtime } from "../index.js";

/**
 * Milliseconds after which the next handshake starts although the previous one has not ended. Otherwise, a few attempts
 * to reach a silent server would delay all others by `connectTimeout` each.
 */
const maxWait = 1_500;

/** The handshakes for one host and port. */
class Line {
  readonly #runtime: Runtime;
  readonly #running = new Set<() => void>();
  readonly #waiting: (() => void)[] = [];
  #timer: ReturnType<Runtime["setTimer"]> | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#waiting.length === 0;
  }

  /** Calls `run`, now or later. */
  add(run: () => void): void {
    this.#waiting.push(run);
    if (this.#running.size === 0) this.#next();
    else this.#setTimer();
  }

  remove(run: () => void): void {
    const place = this.#waiting.indexOf(run);
    if (place >= 0) this.#waiting.splice(place, 1);
    const wasRunning = this.#running.delete(run);
    if (wasRunning && this.#running.size === 0) this.#next();
    else if (this.#waiting.length === 0) this.#clearTimer();
  }

  #next(): void {
    this.#clearTimer();
    const run = this.#waiting.shift();
    if (run === undefined) return;
    this.#running.add(run);
    this.#setTimer();
    run();
  }

  #setTimer(): void {
    if (this.#waiting.length > 0) this.#timer ??= this.#runtime.setTimer(maxWait, () => this.#next());
  }

  #clearTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }
}

const queues = new WeakMap<Runtime, Map<string, Line>>();

/**
 * RFC 6455 4.1: while a connection to a host and port is in the state CONNECTING, the next one waits.
 *
 * @param signal - Its abort ends the wait: `start` is called, which must then fail.
 * @param start - Starts the handshake. It is called at once if no other handshake is running.
 * @returns a function to call when the handshake has ended, or is no longer wanted. Further calls do nothing.
 */
export function enterQueue(
  runtime: Runtime,
  { hostname, port, protocol }: Pick<URL, "hostname" | "port" | "protocol">,
  signal: AbortSignal | undefined,
  start: () => void,
): () => void {
  let lines = queues.get(runtime);
  if (lines === undefined) queues.set(runtime, (lines = new Map<string, Line>()));
  const key = `${hostname} ${port || protocol}`;
  const line = lines.get(key) ?? new Line(runtime);
  lines.set(key, line);

  const run = (): void => {
    signal?.removeEventListener("abort", onAbort);
    start();
  };
  const leave = (): void => {
    signal?.removeEventListener("abort", onAbort);
    line.remove(run);
    if (line.isEmpty && lines.get(key) === line) lines.delete(key);
  };
  const onAbort = (): void => {
    leave();
    start();
  };
  // An abort before the start of the handshake is handled by `start`.
  signal?.addEventListener("abort", onAbort);
  line.add(run);
  return leave;
}
