/**
 * Defines the states of a client, their transitions, and the error for a call that a state does not allow. It does not
 * decide when the state changes.
 */
import { InvalidStateError } from "../../errors.js";
import type { Emitter } from "../../events/emitter.js";
import type { EventMap, State } from "../../events/event-map.js";

/** The states that may follow each state. Any other transition is a bug in this package. */
export const transitions: Readonly<Record<State, readonly State[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["connected", "backingOff", "failed", "closed"],
  connected: ["disconnecting", "disconnected"],
  disconnecting: ["disconnected"],
  disconnected: ["backingOff", "reconnecting", "failed", "closed"],
  reconnecting: ["connected", "backingOff", "failed", "closed"],
  backingOff: ["connecting", "reconnecting", "failed", "closed"],
  failed: ["connecting"],
  closed: [],
};

/** The current state of one client. It emits `stateChange` for every change. */
export class StateMachine {
  #state: State = "idle";
  readonly #emitter: Pick<Emitter<EventMap<unknown>>, "emit">;

  constructor(emitter: Pick<Emitter<EventMap<unknown>>, "emit">) {
    this.#emitter = emitter;
  }

  get current(): State {
    return this.#state;
  }

  /**
   * Changes the state.
   * @throws Error if the current state must not be followed by `to`.
   */
  enter(to: State): void {
    const from = this.#state;
    if (!transitions[from].includes(to)) throw new Error(`A client that is ${from} cannot become ${to}.`);
    this.#state = to;
    this.#emitter.emit("stateChange", { from, to });
  }
}

const otherWays = "or set the option outbox. Inside onConnection, use the connection that it receives.";
const reconnectingAdvice = `Wait for the event "reconnected", ${otherWays}`;
const advices: Partial<Record<State, string>> = {
  idle: "Call connect() first.",
  connecting: `Await connect() first, ${otherWays}`,
  backingOff: reconnectingAdvice,
  reconnecting: reconnectingAdvice,
  closed: "A closed client cannot be used again; create a new one.",
  failed: "Call connect() to try again.",
};

/** Creates the error for a call that the current state does not allow. */
export function createStateError(state: State, operation: string): InvalidStateError {
  const advice = advices[state] ?? "The connection is ending.";
  return new InvalidStateError(
    `${operation}() is not possible while the client is ${state}. ${advice}`,
    state,
  );
}
