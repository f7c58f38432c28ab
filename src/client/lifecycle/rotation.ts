/**
 * Replaces an open connection by a new one, because of its age or on request. With overlap, both are open until the
 * messages have moved to the second one. It does not deliver messages or remove duplicates.
 */
import { CloseCode } from "../../../protocol/index.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Timer } from "../../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../../runtime/wait.js";
import { backoffDelay } from "../../reconnect/backoff.js";
import type { ClientConnection, ClientConnectionEnd } from "../connection/client-connection.js";
import type { MessageHub } from "../message-hub.js";

export interface RotationHandler<Received, Sent> {
  createConnection(): ClientConnection<Received, Sent>;
  start(connection: ClientConnection<Received, Sent>): void;
  /** Returns true if the client must end. */
  isStopping(): boolean;
  /** Returns the connection on which messages are sent. */
  current(): ClientConnection<Received, Sent> | undefined;
  /** Makes `connection` the current one. */
  promote(connection: ClientConnection<Received, Sent>): void;
  /** Closes the current connection, and dials the next one without a wait when it has ended. */
  replace(reason: string): void;
  /**
   * Reports the end of a connection that is not the current one.
   * @returns the error that describes the end.
   */
  retire(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): unknown;
  onRotated(overlapMs: number, duplicates: number): void;
  reportError(error: unknown): void;
}

type RotationOptions<Received, Sent> = Pick<
  ResolvedOptions<Received, Sent>,
  "runtime" | "rotation" | "maxConnectionAge" | "backoff" | "replay"
>;

/**
 * - `dialling`: the second connection is being opened.
 * - `moving`: the second connection is ready; the first one flushes its messages.
 * - `draining`: messages are sent on the second connection; the first one is read to its end.
 * - `replacing`: the first connection closes before the second one is dialled.
 * - `redialling`: the first connection has ended and the second one is being opened.
 */
type RotationPhase = "idle" | "dialling" | "moving" | "draining" | "replacing" | "redialling";

/**
 * The rotation of one client. "First" is the connection that is replaced, "second" is its successor.
 * Only one rotation is in progress at a time.
 */
export class Rotation<Received, Sent> {
  readonly #options: RotationOptions<Received, Sent>;
  readonly #hub: MessageHub<Received, Sent>;
  readonly #handler: RotationHandler<Received, Sent>;
  #phase: RotationPhase = "idle";
  #reason = "";
  /** The connection that is replaced; set only while a rotation with overlap is in progress. */
  #first: ClientConnection<Received, Sent> | undefined;
  #second: ClientConnection<Received, Sent> | undefined;
  /** Connections that are still closing, but belong to no rotation any more. */
  #leaving: Set<ClientConnection<Received, Sent>> | undefined;
  /**
   * A first connection whose second one was lost while it drained. The messages that the second one received are
   * delivered after this connection has ended.
   */
  #lastDraining: ClientConnection<Received, Sent> | undefined;
  #readyAt = 0;
  /** True when the first connection has received every message that precedes those of the second one. */
  #hasCaughtUp = false;
  /** The number of failed rotations since the last success. It determines the delay of the next try. */
  #failures = 0;
  #ageTimer: Timer | undefined;
  #overlapTimer: Timer | undefined;
  #waits: Set<Wait> | undefined;

  constructor(
    options: RotationOptions<Received, Sent>,
    hub: MessageHub<Received, Sent>,
    handler: RotationHandler<Received, Sent>,
  ) {
    this.#options = options;
    this.#hub = hub;
    this.#handler = handler;
  }

  /** All attempts and connections of rotations that have not ended, except the current connection. */
  get otherConnections(): ClientConnection<Received, Sent>[] {
    const current = this.#handler.current();
    return [this.#first, this.#second, ...(this.#leaving ?? [])].filter(
      (connection) => connection !== undefined && connection !== current,
    ) as ClientConnection<Received, Sent>[];
  }

  /** True while the first connection closes, or has closed, and the second one is not open yet. */
  get isReplacing(): boolean {
    return this.#phase === "replacing" || this.#phase === "redialling";
  }

  /** True if `connection` is being replaced and its successor is ready. */
  isLeaving(connection: ClientConnection<Received, Sent>): boolean {
    return connection === this.#first && (this.#phase === "moving" || this.#phase === "draining");
  }

  /** Call this when a connection becomes the current one and is ready. Its age timer starts. */
  onConnected(): void {
    // A connection that still drains would deliver older messages between the newer messages of this connection.
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
    // A listener of the previous event may have closed the client.
    if (this.#handler.isStopping()) return;
    this.#ageTimer = this.#options.runtime.setTimer(delay, () =>
      this.#start(this.#options.rotation.mode, "age"),
    );
    // Only the socket decides whether the process stays alive.
    this.#ageTimer.unref();
  }

  /** Resolves when the connection is replaced. Rejects if the rotation fails and the connection stays. */
  rotate(mode: "overlap" | "replace", reason: string, options: WaitOptions | undefined): Promise<void> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const wait: Wait = new Wait(this.#options.runtime, "rotate", options, () => this.#waits?.delete(wait));
    this.#waits ??= new Set();
    this.#waits.add(wait);
    this.#start(mode, reason);
    return wait.promise;
  }

  /** Starts a rotation, unless one is already in progress. */
  #start(mode: "overlap" | "replace", reason: string): void {
    if (this.#phase !== "idle" || this.#handler.current()?.live?.isClosing !== false) return;
    this.#ageTimer?.clear();
    this.#reason = reason;
    if (mode === "replace") {
      this.#phase = "replacing";
      this.#handler.replace(reason);
      return;
    }
    this.#phase = "dialling";
    this.#hasCaughtUp = false;
    this.#first = this.#handler.current();
    this.#second = this.#handler.createConnection();
    this.#handler.start(this.#second);
  }

  /** @returns `false` if `connection` does not belong to a rotation. */
  onReady(connection: ClientConnection<Received, Sent>): boolean {
    if (connection !== this.#second || this.#phase !== "dialling") return false;
    const { runtime, rotation } = this.#options;
    const first = this.#first;
    if (first?.live?.isClosing !== false || this.#handler.isStopping()) {
      // The first connection is closing. This one replaces it only after its end.
      connection.enterStandby();
      return true;
    }
    this.#phase = "moving";
    this.#readyAt = runtime.now();
    this.#hub.inbound.beginOverlap(connection.number, rotation.maxWaiting);
    this.#hub.sender.hold();
    this.#overlapTimer = runtime.setTimer(rotation.overlap, () => this.#onOverlapOver());
    this.#overlapTimer.unref();
    first.live.queue.flush(undefined).then(
      () => this.move(),
      () => undefined,
    );
    return true;
  }

  #onOverlapOver(): void {
    this.move();
    this.#closeFirst();
  }

  /**
   * Moves the sender to the second connection, at a message boundary. Messages that the first connection has not begun
   * to write are sent on the second one.
   */
  move(): void {
    const [first, second] = [this.#first, this.#second];
    if (this.#phase !== "moving" || first === undefined || second === undefined) return;
    this.#phase = "draining";
    const { isDrainPending } = first.live!;
    this.#hub.sender.move(first.live!.takeBack(), second.live!, isDrainPending);
    this.#handler.promote(second);
    // Close the first connection as soon as it has caught up. Without the option `replay` that cannot be detected, so
    // it is closed immediately. The messages before the peer's Close frame are still delivered.
    if (this.#hasCaughtUp || this.#options.replay === undefined) this.#closeFirst();
  }

  /** Call this when the first connection has received every message that precedes those of the second one. */
  onCaughtUp(): void {
    this.#hasCaughtUp = true;
    if (this.#phase === "draining") this.#closeFirst();
  }

  /** Call this when the buffer for messages of the second connection is full. */
  onFull(): void {
    this.#second?.pause("overlap");
  }

  #closeFirst(): void {
    if (this.#first === undefined) return;
    this.#first.isRotated = true;
    this.#first.close({ code: CloseCode.normal, reason: this.#reason });
  }

  /** @returns `false` if the supervisor must handle the end of `connection` itself. */
  onEnd(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): boolean {
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

  #onFirstEnded(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): boolean {
    if (this.#phase === "dialling") {
      // The current connection is lost. The second one, which is being opened, serves as the reconnection.
      this.#first = undefined;
      // If the client ends, no connection follows. Messages that the second one has received are still delivered.
      if (this.#handler.isStopping()) this.#second?.leaveStandby();
      return false;
    }
    const second = this.#second!;
    if (this.#phase === "moving") {
      if (this.#handler.isStopping()) return this.#abandonMove(second);
      this.#phase = "draining";
      const isDrainPending = end.kind !== "unopened" && end.end.isDrainPending;
      this.#hub.sender.move(unsentOf(end), second.live!, isDrainPending);
      this.#handler.promote(second);
    }
    this.#hub.leftovers.add(connection.live);
    this.#handler.retire(connection, end);
    this.#first = undefined;
    // The messages of the second connection follow the undelivered ones of the first. Only this step waits for a slow
    // consumer.
    this.#hub.leftovers.after(() => this.#finish(second, connection));
    if (this.#second === second) this.#resolveWaits();
    return true;
  }

  /** Ends the rotation without a move, because the client ends both connections. */
  #abandonMove(second: ClientConnection<Received, Sent>): false {
    this.#hub.leftovers.add(this.#first?.live);
    this.#hub.leftovers.after(() => this.#hub.inbound.endOverlap());
    this.#addLeaving(second);
    this.#reset();
    return false;
  }

  #finish(second: ClientConnection<Received, Sent>, first: ClientConnection<Received, Sent>): void {
    if (this.#second !== second) return;
    const { inbound } = this.#hub;
    const duplicates = inbound.endOverlap();
    inbound.onConnectionEnd(first.number);
    this.#reset();
    second.resume("overlap");
    if (this.#handler.isStopping()) return;
    this.#handler.onRotated(this.#options.runtime.now() - this.#readyAt, duplicates);
    this.#resolveWaits();
    if (this.#handler.current() === second) this.onConnected();
  }

  #onSecondEnded(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): boolean {
    const { inbound, sender } = this.#hub;
    const phase = this.#phase;
    const first = this.#first;
    if (phase === "draining") {
      // The second connection is the current one, so its end is a loss that the supervisor handles.
      this.#closeFirst();
      if (first === undefined) this.#hub.leftovers.after(() => inbound.endOverlap());
      else this.#addLeaving(first);
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

  /** Handles a failed rotation. The first connection stays; with `maxConnectionAge` another rotation follows later. */
  #fail(error: unknown): void {
    const { backoff, runtime, maxConnectionAge } = this.#options;
    if (this.#handler.isStopping()) return;
    const waits = this.#takeWaits();
    if (waits.size === 0) this.#handler.reportError(error);
    for (const wait of waits) wait.reject(error);
    if (maxConnectionAge !== undefined && this.#handler.current()?.isReady === true)
      this.#armAge(backoffDelay(backoff, this.#failures++, runtime.random()));
  }

  #reset(): void {
    this.#phase = "idle";
    this.#overlapTimer?.clear();
    this.#overlapTimer = undefined;
    this.#first = undefined;
    this.#second = undefined;
  }

  #addLeaving(connection: ClientConnection<Received, Sent>): void {
    this.#leaving ??= new Set();
    this.#leaving.add(connection);
  }

  #resolveWaits(): void {
    if (this.#waits === undefined) return;
    for (const wait of this.#takeWaits()) wait.resolve();
  }

  #takeWaits(): ReadonlySet<Wait> {
    const waits = this.#waits ?? new Set();
    this.#waits = undefined;
    return waits;
  }

  /** @returns `true`, once, if a rotation closed the connection, so that the next one is dialled without a wait. */
  beginRedialling(): boolean {
    if (this.#phase !== "replacing") return false;
    this.#phase = "redialling";
    return true;
  }

  /**
   * Ends the rotation and returns its second connection, if it is being opened, to replace a lost current connection.
   */
  takeSecond(): ClientConnection<Received, Sent> | undefined {
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

  /** Call this when the client terminates all connections. */
  beginTerminating(): void {
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

  /** Stops the age timer, because the current connection was lost. */
  onLost(): void {
    this.#ageTimer?.clear();
  }
}

function unsentOf(end: ClientConnectionEnd): readonly UnsentMessage[] {
  return end.kind === "unopened" ? [] : end.end.unsent;
}
