import type { State } from "../events/event-map.js";

/** Which state may follow which; anything else is a bug. */
const transitions: Readonly<Record<State, readonly State[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["connected", "failed", "closed"],
  connected: ["disconnecting", "disconnected"],
  disconnecting: ["disconnected"],
  disconnected: ["failed", "closed"],
  reconnecting: [],
  backingOff: [],
  failed: ["connecting"],
  closed: [],
};

/** The state of one client. */
export class StateMachine {
  #state: State = "idle";
  readonly #onChange: (from: State, to: State) => void;

  constructor(onChange: (from: State, to: State) => void) {
    this.#onChange = onChange;
  }

  get current(): State {
    return this.#state;
  }

  /** @throws Error for a transition outside the table. */
  enter(to: State): void {
    const from = this.#state;
    if (!transitions[from].includes(to)) throw new Error(`A client that is ${from} cannot become ${to}.`);
    this.#state = to;
    this.#onChange(from, to);
  }
}
