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
  /** The client's life is to end. */
  isStopping(): boolean;
  /** The connection that messages go to. */
  current(): ClientConnection<Received, Sent> | undefined;
  /** Messages go to `connection` from now on. */
  promote(connection: ClientConnection<Received, Sent>): void;
  /** Closes the current connection, and dials at once when it has ended. */
  replace(reason: string): void;
  /** A connection that was not the current one has ended; gives the error that says how. */
  retire(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): unknown;
  onRotated(overlapMs: number, duplicates: number): void;
  reportError(error: unknown): void;
}

type RotationOptions<Received, Sent> = Pick<
  ResolvedOptions<Received, Sent>,
  "runtime" | "rotation" | "maxConnectionAge" | "backoff" | "replay"
>;

/**
 * `dialling`: the second connection is on its way. `moving`: it is ready, and the writer waits for the first to be done.
 * `draining`: messages go to the second, the first is read to its end. `replacing`: the first closes before the second is dialled;
 * `redialling`: that is under way.
 */
type Phase = "idle" | "dialling" | "moving" | "draining" | "replacing" | "redialling";

/** Replaces the connection by a younger one, before the server's own limit or on demand. */
export class Rotation<Received, Sent> {
  readonly #options: RotationOptions<Received, Sent>;
  readonly #hub: MessageHub<Received, Sent>;
  readonly #handler: RotationHandler<Received, Sent>;
  #phase: Phase = "idle";
  #reason = "";
  /** The connection that is to go, while both are open. */
  #first: ClientConnection<Received, Sent> | undefined;
  #second: ClientConnection<Received, Sent> | undefined;
  /** Connections that nobody waits for: they go on to their ends. */
  #leaving: Set<ClientConnection<Received, Sent>> | undefined;
  /** The second connection was lost while this one drained: what the second had received follows the end of this one. */
  #lastDraining: ClientConnection<Received, Sent> | undefined;
  #readyAt = 0;
  #isJoined = false;
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

  /** Its connections but for the current one, from their dialling to their end. */
  get others(): ClientConnection<Received, Sent>[] {
    const current = this.#handler.current();
    return [this.#first, this.#second, ...(this.#leaving ?? [])].filter(
      (connection) => connection !== undefined && connection !== current,
    ) as ClientConnection<Received, Sent>[];
  }

  /** The current connection closes, or has closed, to be replaced. */
  get isReplacing(): boolean {
    return this.#phase === "replacing" || this.#phase === "redialling";
  }

  /** It is to go, and the other one is ready. */
  isLeaving(connection: ClientConnection<Received, Sent>): boolean {
    return connection === this.#first && (this.#phase === "moving" || this.#phase === "draining");
  }

  /** A connection is there: its age counts. */
  onConnected(): void {
    // A connection that still drains would bring older messages between the newer ones of this one.
    this.#lastDraining?.terminate();
    this.#endDraining();
    if (this.#phase === "redialling") {
      this.#phase = "idle";
      this.#handler.onRotated(0, 0);
    }
    this.#settle();
    this.#failures = 0;
    const { maxConnectionAge, rotation, runtime } = this.#options;
    if (maxConnectionAge !== undefined)
      this.#armAge(maxConnectionAge * (1 - rotation.jitter * runtime.random()));
  }

  #armAge(delay: number): void {
    this.#ageTimer?.clear();
    // A listener of the event before may have closed the client.
    if (this.#handler.isStopping()) return;
    this.#ageTimer = this.#options.runtime.setTimer(delay, () =>
      this.#start(this.#options.rotation.mode, "age"),
    );
    // The socket holds the process, or is not to.
    this.#ageTimer.unref();
  }

  /** Resolves when the connection is replaced, and rejects where it stays. */
  rotate(mode: "overlap" | "replace", reason: string, options: WaitOptions | undefined): Promise<void> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const wait: Wait = new Wait(this.#options.runtime, "rotate", options, () => this.#waits?.delete(wait));
    this.#waits ??= new Set();
    this.#waits.add(wait);
    this.#start(mode, reason);
    return wait.promise;
  }

  /** A rotation that is under way serves whoever asks for one. */
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
    this.#isJoined = false;
    this.#first = this.#handler.current();
    this.#second = this.#handler.createConnection();
    this.#handler.start(this.#second);
  }

  /** @returns `false` where the connection that is ready is not of a rotation. */
  onReady(connection: ClientConnection<Received, Sent>): boolean {
    if (connection !== this.#second || this.#phase !== "dialling") return false;
    const { runtime, rotation } = this.#options;
    const first = this.#first;
    if (first?.live?.isClosing !== false || this.#handler.isStopping()) {
      // The first one is about to be lost: this one takes its place then, and not before.
      connection.wait();
      return true;
    }
    this.#phase = "moving";
    this.#readyAt = runtime.now();
    this.#hub.inbound.beginOverlap(connection.number, rotation.maxWaiting);
    this.#hub.sender.hold();
    this.#overlapTimer = runtime.setTimer(rotation.overlap, () => this.#onOverlapOver());
    this.#overlapTimer.unref();
    first.live.flush(undefined).then(
      () => this.move(),
      () => undefined,
    );
    return true;
  }

  #onOverlapOver(): void {
    this.move();
    this.#closeFirst();
  }

  /** The writer moves between two messages: what is not begun on the first connection goes on the second. */
  move(): void {
    const [first, second] = [this.#first, this.#second];
    if (this.#phase !== "moving" || first === undefined || second === undefined) return;
    this.#phase = "draining";
    const { isDrainPending } = first.live!;
    this.#hub.sender.move(first.live!.takeBack(), second.live!, isDrainPending);
    this.#handler.promote(second);
    // Without a sequence there is nothing to wait for: what the first has to say comes before its Close.
    if (this.#isJoined || this.#options.replay === undefined) this.#closeFirst();
  }

  /** The second connection goes on where the first one is. */
  onJoined(): void {
    this.#isJoined = true;
    if (this.#phase === "draining") this.#closeFirst();
  }

  onFull(): void {
    this.#second?.pause("overlap");
  }

  #closeFirst(): void {
    if (this.#first === undefined) return;
    this.#first.isRotated = true;
    this.#first.close({ code: CloseCode.normal, reason: this.#reason });
  }

  /** @returns `false` where the end of that connection is the client's own affair. */
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
      // A loss; the connection that is on its way takes the place of the one that is to come.
      this.#first = undefined;
      // No connection follows when the client ends; what this one has received is delivered all the same.
      if (this.#handler.isStopping()) this.#second?.proceed();
      return false;
    }
    const second = this.#second!;
    if (this.#phase === "moving") {
      if (this.#handler.isStopping()) return this.#giveUpMoving(second);
      this.#phase = "draining";
      const isDrainPending = end.kind !== "unopened" && end.end.isDrainPending;
      this.#hub.sender.move(unsentOf(end), second.live!, isDrainPending);
      this.#handler.promote(second);
    }
    this.#hub.leftovers.add(connection.live);
    this.#handler.retire(connection, end);
    this.#first = undefined;
    // The messages of the second follow what is not delivered of the first; nobody else waits for a slow reader.
    this.#hub.leftovers.after(() => this.#finish(second, connection));
    if (this.#second === second) this.#settle();
    return true;
  }

  /** Both are to end: nothing takes the place of the first one. */
  #giveUpMoving(second: ClientConnection<Received, Sent>): false {
    this.#hub.leftovers.add(this.#first?.live);
    this.#hub.leftovers.after(() => this.#hub.inbound.endOverlap());
    this.#letGo(second);
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
    this.#settle();
    if (this.#handler.current() === second) this.onConnected();
  }

  #onSecondEnded(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): boolean {
    const { inbound, sender } = this.#hub;
    const phase = this.#phase;
    const first = this.#first;
    if (phase === "draining") {
      // It is the current one, and this is a loss.
      this.#closeFirst();
      if (first === undefined) this.#hub.leftovers.after(() => inbound.endOverlap());
      else this.#letGo(first);
      this.#lastDraining = first;
      this.#reset();
      this.#settle();
      return false;
    }
    if (phase === "moving") this.#hub.leftovers.after(() => inbound.cancelOverlap());
    this.#reset();
    if (phase === "moving") {
      // What its hook had sent; of the client's own messages it has none.
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

  /** The first connection stays; where its age asked for the rotation, that is tried again. */
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

  #letGo(connection: ClientConnection<Received, Sent>): void {
    this.#leaving ??= new Set();
    this.#leaving.add(connection);
  }

  #settle(): void {
    if (this.#waits === undefined) return;
    for (const wait of this.#takeWaits()) wait.resolve();
  }

  #takeWaits(): ReadonlySet<Wait> {
    const waits = this.#waits ?? new Set();
    this.#waits = undefined;
    return waits;
  }

  /** @returns `true` once where the next connection is to be dialled without a wait, for this one was closed on purpose. */
  takeReplacing(): boolean {
    if (this.#phase !== "replacing") return false;
    this.#phase = "redialling";
    return true;
  }

  /** Gives up the connection that is on its way, for the client needs one itself: the current one was lost. */
  takeSecond(): ClientConnection<Received, Sent> | undefined {
    if (this.#phase !== "dialling") return undefined;
    const second = this.#second;
    this.#reset();
    return second;
  }

  /** The client closes. */
  beginClosing(): void {
    this.#ageTimer?.clear();
    this.move();
  }

  /** The client drops all connections. */
  beginTerminating(): void {
    this.#ageTimer?.clear();
    this.#overlapTimer?.clear();
  }

  /** The life has ended: nothing is to be replaced any more. */
  end(error: unknown): void {
    this.#ageTimer?.clear();
    this.#lastDraining = undefined;
    this.#reset();
    for (const wait of this.#takeWaits()) wait.reject(error);
  }

  /** The current connection was lost: its age says nothing any more. */
  onLost(): void {
    this.#ageTimer?.clear();
  }
}

function unsentOf(end: ClientConnectionEnd): readonly UnsentMessage[] {
  return end.kind === "unopened" ? [] : end.end.unsent;
}
