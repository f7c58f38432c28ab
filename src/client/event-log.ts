import type { ReportedEvent } from "../events/close-report.js";

const maxEvents = 32;

/** The last events of one connection, for its report. */
export class EventLog {
  readonly #now: () => number;
  readonly #startedAt: number;
  #events: ReportedEvent[] = [];

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  add(name: string, detail: string = ""): void {
    if (this.#events.length === maxEvents) this.#events.shift();
    this.#events.push(Object.freeze({ atMs: this.#now() - this.#startedAt, name, detail }));
  }

  get events(): readonly ReportedEvent[] {
    return Object.freeze([...this.#events]);
  }
}
