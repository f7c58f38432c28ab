/** Records the most recent events of one connection for its close report. It does not record messages. */
import type { ReportedEvent } from "../../events/close-report.js";
import type { Runtime } from "../../runtime/runtime.js";

const maxEvents = 32;
const fieldsPerEvent = 3;
const noFields: readonly never[] = [];

/** The log of one connection. A full log drops its oldest event. */
export class EventLog {
  readonly #clock: Pick<Runtime, "now">;
  readonly #startedAt: number;
  /**
   * The time, name and detail of each event. A flat array needs a third of the memory that one object per event would
   * need.
   */
  #fields: readonly unknown[] = noFields;

  constructor(clock: Pick<Runtime, "now">) {
    this.#clock = clock;
    this.#startedAt = this.#clock.now();
  }

  add(name: string, detail: string = ""): void {
    const atMs = this.#clock.now() - this.#startedAt;
    const full = maxEvents * fieldsPerEvent;
    const kept = this.#fields.length === full ? this.#fields.slice(fieldsPerEvent) : this.#fields;
    // `concat` allocates the exact length. `push` and spread would reserve 16 more elements.
    this.#fields = kept.concat(atMs, name, detail);
  }

  get events(): readonly ReportedEvent[] {
    const events: ReportedEvent[] = [];
    for (let at = 0; at < this.#fields.length; at += fieldsPerEvent) {
      const [atMs, name, detail] = this.#fields.slice(at) as [number, string, string];
      events.push(Object.freeze({ atMs, name, detail }));
    }
    return Object.freeze(events);
  }
}
