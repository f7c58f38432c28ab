// A test fixture for single layers of a client. It contains no client and no connection.
import { Emitter } from "../../src/events/emitter.js";
import type { EventMap } from "../../src/events/event-map.js";
import { createCountingRuntime, type CountingRuntime } from "./counting-runtime.js";
import { VirtualRuntime } from "./virtual-runtime.js";

/** Virtual time, an emitter of client events, and a log for the test to read. */
export class EmitterScene {
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly log: string[] = [];
  /** The errors of listeners, and those that the test adds. */
  readonly errors: unknown[] = [];
  readonly emitter: Emitter<EventMap<unknown>> = new Emitter<EventMap<unknown>>({
    onListenerError: (_name, error) => this.errors.push(error),
  });

  /** Adds a line to the log for each event of this name. */
  record<Name extends keyof EventMap<unknown>>(
    name: Name,
    lineOf: (event: EventMap<unknown>[Name]) => string,
  ): void {
    this.emitter.add(name, (event) => void this.log.push(lineOf(event)), false);
  }
}
