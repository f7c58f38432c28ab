import type { ReportedEvent } from "../events/close-report.js";
import type { Runtime } from "../runtime/runtime.js";

const maxEvents = 32;

/** The last events of one connection, for its report. */
export class EventLog {
  readonly #clock: Pick<Runtime, "now">;
  readonly #startedAt: number;
  #events: readonly ReportedEvent[] = [];

  constructor(clock: Pick<Runtime, "now">) {
    this.#clock = clock;
    this.#startedAt = this.#clock.now();
  }

  add(name: string, detail: string = ""): void {
    const atMs = this.#clock.now() - this.#startedAt;
    // Neither by `push` nor by a spread, which make room for sixteen more: of a connection that goes on well there are two.
    this.#events = this.#events.slice(1 - maxEvents).concat(Object.freeze({ atMs, name, detail }));
  }

  get events(): readonly ReportedEvent[] {
    return Object.freeze([...this.#events]);
  }
}
