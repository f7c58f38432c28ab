/**
 * Replaces an open connection by a new connection, because of its age or on request. In the mode `overlap`, both
 * connections are open until messages are sent on the new one. It does not deliver messages or remove duplicates.
 */
import { CloseCode } from "../../../protocol/index.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import type { Timer } from "../../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../../runtime/wait.js";
import { backoffDelay } from "../../reconnect/backoff.js";
import type { ClientConnection, ClientConnectionEnd } from "../connection/client-connection.js";
import type { MessageHub } from "../message-hub.js";
import type { ClientContext } from "./client-context.js";

export interface RotationHandler {
  /** The connection on which messages are sent. */
  readonly connection: ClientConnection | undefined;
  createConnection(): ClientConnection;
  start(connection: ClientConnection): void;
  /** Makes `connection` the current connection. */
  promote(connection: ClientConnection): void;
  /** Closes the current connection. After its end, the next connection is dialled without a wait. */
  replace(reason: string): void;
  /**
   * Reports the end of a connection that is not the current connection.
   * @returns the error that describes the end.
   */
  retire(connection: ClientConnection, end: ClientConnectionEnd): unknown;
  onRotated(overlapMs: number, duplicates: number): void;
}

/**
 * - `dialling`: the second connection is being opened.
 * - `moving`: the second connection is ready; the first connection flushes its messages.
 * - `draining`: messages are sent on the second connection; the first connection is read to its end.
 * - `replacing`: the first connection closes; the second connection is dialled after its end.
 * - `redialling`: the first connection has ended; the second connection is being opened.
 */
type RotationPhase = "idle" | "dialling" | "moving" | "draining" | "replacing" | "redialling";

/**
 * The rotations of one client; at most one rotation is in progress. The "first" connection is replaced by the "second"
 * connection.
 */
export class Rotation {
  readonly #context: ClientContext;
  readonly #options: ClientContext["options"];
  readonly #hub: MessageHub;
  readonly #handler: RotationHandler;
  #phase: RotationPhase = "idle";
  #reason = "";
  /** The connection that is replaced. Set only while a rotation with overlap is in progress. */
  #first: ClientConnection | undefined;
  #second: ClientConnection | undefined;
  /** Connections of finished rotations that are still closing. */
  #leaving: Set<ClientConnection> | undefined;
  /**
   * A draining first connection whose second connection was lost. Messages of the second connection are delivered after
   * this connection has ended.
   */
  #lastDraining: ClientConnection | undefined;
  #readyAt = 0;
  /** True if the first connection has received every message that precedes the messages of the second connection. */
  #hasCaughtUp = false;
  /** The number of failed rotations since the last success. It determines the wait before the next rotation. */
  #failures = 0;
  #ageTimer: Timer | undefined;
  #overlapTimer: Timer | undefined;
  #waits: Set<Wait> | undefined;

  constructor(context: ClientContext, handler: RotationHandler) {
    this.#context = context;
    this.#options = context.options;
    this.#hub = context.hub;
    this.#handler = handler;
  }

  /** All attempts and connections of rotations that have not ended, except the current connection. */
  get otherConnections(): ClientConnection[] {
    const current = this.#handler.connection;
    return [this.#first, this.#second, ...(this.#leaving ?? [])].filter(
      (connection) => connection !== undefined && connection !== current,
    ) as ClientConnection[];
  }

  /** True while the client closes its connection, or has closed it, to open a new connection. */
  get isReplacing(): boolean {
    return this.#phase === "replacing" || this.#phase === "redialling";
  }

  /** True if `connection` is being replaced and its successor is ready. */
  isLeaving(connection: ClientConnection): boolean {
    return connection === this.#first && (this.#phase === "moving" || this.#phase === "draining");
  }

  /** Call this when a connection becomes the current connection and is ready. Starts the age timer. */
  onConnected(): void {
    // A connection that still drains would deliver its older messages between newer messages of the new connection.
    this.#lastDraining?.terminate();
    this.#endDraining();
    if (this.#phase === "redialling") {
      this.#phase = "idle";
      this.#handler.onRotated(0, 0);
    }
    this.#resolveWaits();
    this.#failures = 0;
    const { maxConnectionAge, rotation, runtime } = this.#options;
    if (maxConnectionAge !== undefined)
      this.#armAge(maxConnectionAge * (1 - rotation.jitter * runtime.random()));
  }

  #armAge(delay: number): void {
    this.#ageTimer?.clear();
    // A listener of an event that was just emitted may have closed the client.
    if (this.#context.stopReasons.isStopping) return;
    this.#ageTimer = this.#options.runtime.setTimer(delay, () =>
      this.#start(this.#options.rotation.mode, "age"),
    );
    // The age timer does not keep the process running; only the socket does.
    this.#ageTimer.unref();
  }

  /** Resolves when the connection is replaced. Rejects if the rotation fails and the connection stays in use. */
  rotate(mode: "overlap" | "replace", reason: string, options: WaitOptions | undefined): Promise<void> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const wait: Wait = new Wait(this.#options.runtime, "rotate", options, () => this.#waits?.delete(wait));
    (this.#waits ??= new Set()).add(wait);
    this.#start(mode, reason);
    return wait.promise;
  }

  /** Starts a rotation, unless one is already in progress. */
  #start(mode: "overlap" | "replace", reason: string): void {
    if (this.#phase !== "idle" || this.#handler.connection?.live?.isClosing !== false) return;
    this.#ageTimer?.clear();
    this.#reason = reason;
    if (mode === "replace") {
      this.#phase = "replacing";
      this.#handler.replace(reason);
      return;
    }
    this.#phase = "dialling";
    this.#hasCaughtUp = false;
    this.#first = this.#handler.connection;
    this.#second = this.#handler.createConnection();
    this.#handler.start(this.#second);
  }

  /** @returns `false` if `connection` does not belong to a rotation. */
  onReady(connection: ClientConnection): boolean {
    if (connection !== this.#second || this.#phase !== "dialling") return false;
    const { runtime, rotation } = this.#options;
    const first = this.#first;
    if (first?.live?.isClosing !== false || this.#context.stopReasons.isStopping) {
      // The first connection is closing. The second connection replaces it only after its end.
      connection.enterStandby();
      return true;
    }
    this.#phase = "moving";
    this.#readyAt = runtime.now();
    this.#hub.inbound.beginOverlap(connection.number, rotation.maxWaiting, this);
    this.#hub.sender.hold();
    this.#overlapTimer = runtime.setTimer(rotation.overlap, () => {
      this.move();
      this.#closeFirst();
    });
    this.#overlapTimer.unref();
    first.live.queue.flush(undefined).then(
      () => this.move(),
      () => undefined,
    );
    return true;
  }

  /**
   * Moves the sender to the second connection, at a message boundary. Messages that the first connection has not begun
   * to write are sent on the second connection.
   */
  move(): void {
    const [first, second] = [this.#first, this.#second];
    if (this.#phase !== "moving" || first === undefined || second === undefined) return;
    this.#phase = "draining";
    const { isDrainPending } = first.live!;
    this.#hub.sender.move(first.live!.takeBack(), second.live!, isDrainPending);
    this.#handler.promote(second);
    // The first connection is closed when it has caught up. Without the option `replay` this cannot be detected, so the
    // connection is closed immediately. Messages that arrive before the peer's Close frame are still delivered.
    if (this.#hasCaughtUp || this.#options.replay === undefined) this.#closeFirst();
  }

  /** Called when the first connection has received every message that precedes the messages of the second one. */
  onCaughtUp(): void {
    this.#hasCaughtUp = true;
    if (this.#phase === "draining") this.#closeFirst();
  }

  /** Called when the buffer for messages of the second connection is full. */
  onFull(): void {
    this.#second?.pause("overlap");
  }

  #closeFirst(): void {
    if (this.#first === undefined) return;
    this.#first.isRotated = true;
    this.#first.close({ code: CloseCode.normal, reason: this.#reason });
  }

  /** @returns `false` if the supervisor must handle the end of `connection`. */
  onEnd(connection: ClientConnection, end: ClientConnectionEnd): boolean {
    if (this.#leaving?.delete(connection) === true) {
      this.#hub.leftovers.add(connection.live);
      this.#handler.retire(connection, end);
      if (connection === this.#lastDraining) this.#endDraining();
      this.#hub.inbound.onConnectionEnd(connection.number);
      return true;
    }
    if (connection === this.#first) return this.#onFirstEnded(connection, end);
    return connection === this.#second && this.#onSecondEnded(connection, end);
  }

  #onFirstEnded(connection: ClientConnection, end: ClientConnectionEnd): boolean {
    if (this.#phase === "dialling") {
      // The current connection is lost. The second connection, which is being opened, replaces it.
      this.#first = undefined;
      // If the client ends, messages that the second connection has received are still delivered.
      if (this.#context.stopReasons.isStopping) this.#second?.leaveStandby();
      return false;
    }
    const second = this.#second!;
    if (this.#phase === "moving") {
      if (this.#context.stopReasons.isStopping) return this.#abandonMove(second);
      this.#phase = "draining";
      const isDrainPending = end.kind !== "unopened" && end.end.isDrainPending;
      this.#hub.sender.move(unsentOf(end), second.live!, isDrainPending);
      this.#handler.promote(second);
    }
    this.#hub.leftovers.add(connection.live);
    this.#handler.retire(connection, end);
    this.#first = undefined;
    // Messages of the second connection wait until the messages of the first connection are delivered. No other step
    // waits for a slow consumer.
    this.#hub.leftovers.after(() => this.#finish(second, connection));
    if (this.#second === second) this.#resolveWaits();
    return true;
  }

  /** Ends the rotation without a move, because the client ends both connections. */
  #abandonMove(second: ClientConnection): false {
    this.#hub.leftovers.add(this.#first?.live);
    this.#hub.leftovers.after(() => this.#hub.inbound.endOverlap());
    (this.#leaving ??= new Set()).add(second);
    this.#reset();
    return false;
  }

  #finish(second: ClientConnection, first: ClientConnection): void {
    if (this.#second !== second) return;
    const { inbound } = this.#hub;
    const duplicates = inbound.endOverlap();
    inbound.onConnectionEnd(first.number);
    this.#reset();
    second.resume("overlap");
    if (this.#context.stopReasons.isStopping) return;
    this.#handler.onRotated(this.#options.runtime.now() - this.#readyAt, duplicates);
    this.#resolveWaits();
    if (this.#handler.connection === second) this.onConnected();
  }

  #onSecondEnded(connection: ClientConnection, end: ClientConnectionEnd): boolean {
    const { inbound, sender } = this.#hub;
    const phase = this.#phase;
    const first = this.#first;
    if (phase === "draining") {
      // The second connection is the current connection, so the supervisor handles its end as a loss.
      this.#closeFirst();
      if (first === undefined) this.#hub.leftovers.after(() => inbound.endOverlap());
      else (this.#leaving ??= new Set()).add(first);
      this.#lastDraining = first;
      this.#reset();
      this.#resolveWaits();
      return false;
    }
    if (phase === "moving") this.#hub.leftovers.after(() => inbound.cancelOverlap());
    this.#reset();
    if (phase === "moving") {
      // Only hooks have sent messages on the second connection so far.
      for (const { data } of unsentOf(end)) this.#hub.onHookUnsent(data);
      this.#hub.leftovers.add(connection.live);
      sender.resume(first!.live!);
    }
    this.#fail(this.#handler.retire(connection, end));
    return true;
  }

  #endDraining(): void {
    if (this.#lastDraining === undefined) return;
    this.#lastDraining = undefined;
    this.#hub.leftovers.after(() => this.#hub.inbound.endOverlap());
  }

  /** Handles a failed rotation. The first connection stays in use. With `maxConnectionAge`, a rotation follows later. */
  #fail(error: unknown): void {
    const { backoff, runtime, maxConnectionAge } = this.#options;
    if (this.#context.stopReasons.isStopping) return;
    const waits = this.#takeWaits();
    if (waits.size === 0) this.#context.reportError(error);
    for (const wait of waits) wait.reject(error);
    if (maxConnectionAge !== undefined && this.#handler.connection?.isReady === true)
      this.#armAge(backoffDelay(backoff, this.#failures++, runtime.random()));
  }

  #reset(): void {
    this.#phase = "idle";
    this.#overlapTimer?.clear();
    this.#overlapTimer = undefined;
    this.#first = undefined;
    this.#second = undefined;
  }

  #resolveWaits(): void {
    for (const wait of this.#takeWaits()) wait.resolve();
  }

  #takeWaits(): ReadonlySet<Wait> {
    const waits = this.#waits ?? new Set();
    this.#waits = undefined;
    return waits;
  }

  /** @returns `true`, once, if a rotation closed the connection: the next connection is then dialled without a wait. */
  beginRedialling(): boolean {
    if (this.#phase !== "replacing") return false;
    this.#phase = "redialling";
    return true;
  }

  /**
   * Ends the rotation and returns its second connection, if that connection is being opened. It replaces the lost
   * current connection.
   */
  takeSecond(): ClientConnection | undefined {
    if (this.#phase !== "dialling") return undefined;
    const second = this.#second;
    this.#reset();
    return second;
  }

  /** Call this when the client begins to close. */
  beginClosing(): void {
    this.#ageTimer?.clear();
    this.move();
  }

  /** Call this when the current connection was lost, or when the client terminates all connections. */
  stopTimers(): void {
    this.#ageTimer?.clear();
    this.#overlapTimer?.clear();
  }

  /** Call this when the client has ended. Pending `rotate()` calls reject with `error`. */
  end(error: unknown): void {
    this.#ageTimer?.clear();
    this.#lastDraining = undefined;
    this.#reset();
    for (const wait of this.#takeWaits()) wait.reject(error);
  }
}

function unsentOf(end: ClientConnectionEnd): readonly UnsentMessage[] {
  return end.kind === "unopened" ? [] : end.end.unsent;
}
