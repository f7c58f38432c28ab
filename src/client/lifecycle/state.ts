import { InvalidStateError } from "../../errors.js";
import type { State } from "../../events/event-map.js";

/** Which state may follow which; anything else is a bug. */
const transitions: Readonly<Record<State, readonly State[]>> = {
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

export interface StateHandler {
  onStateChange(from: State, to: State): void;
}

/** The state of one client. */
export class StateMachine {
  #state: State = "idle";
  readonly #handler: StateHandler;

  constructor(handler: StateHandler) {
    this.#handler = handler;
  }

  get current(): State {
    return this.#state;
  }

  /** @throws Error for a transition outside the table. */
  enter(to: State): void {
    const from = this.#state;
    if (!transitions[from].includes(to)) throw new Error(`A client that is ${from} cannot become ${to}.`);
    this.#state = to;
    this.#handler.onStateChange(from, to);
  }
}

const advices: Partial<Record<State, string>> = {
  idle: "Call connect() first.",
  connecting:
    "Await connect() first, or give the option outbox; in onConnection, send on the connection that it is given.",
  backingOff: 'Wait for the event "reconnected", or give the option outbox.',
  reconnecting:
    'Wait for the event "reconnected", or give the option outbox; in onConnection, send on the connection that it is given.',
  closed: "A closed client stays closed: make a new one.",
  failed: "Call connect() for another try.",
};

/** What a call is told that came in a state that does not allow it. */
export function impossibleIn(state: State, operation: string): InvalidStateError {
  const advice = advices[state] ?? "The connection is ending.";
  return new InvalidStateError(
    `${operation}() is not possible while the client is ${state}. ${advice}`,
    state,
  );
}
