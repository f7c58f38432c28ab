import type { ReportedEvent } from "../../events/close-report.js";
import type { Runtime } from "../../runtime/runtime.js";

const maxEvents = 32;
const factsOfOne = 3;
const none: readonly never[] = [];

/** The last events of one connection, for its report. */
export class EventLog {
  readonly #clock: Pick<Runtime, "now">;
  readonly #startedAt: number;
  /** Of each its time, name and detail, one behind the other: an object for each would take three times as much. */
  #facts: readonly unknown[] = none;

  constructor(clock: Pick<Runtime, "now">) {
    this.#clock = clock;
    this.#startedAt = this.#clock.now();
  }

  add(name: string, detail: string = ""): void {
    const atMs = this.#clock.now() - this.#startedAt;
    const full = maxEvents * factsOfOne;
    const kept = this.#facts.length === full ? this.#facts.slice(factsOfOne) : this.#facts;
    // Neither by `push` nor by a spread, which make room for sixteen more: of a connection that goes on well there are two.
    this.#facts = kept.concat(atMs, name, detail);
  }

  get events(): readonly ReportedEvent[] {
    const events: ReportedEvent[] = [];
    for (let at = 0; at < this.#facts.length; at += factsOfOne) {
      const [atMs, name, detail] = this.#facts.slice(at) as [number, string, string];
      events.push(Object.freeze({ atMs, name, detail }));
    }
    return Object.freeze(events);
  }
}
