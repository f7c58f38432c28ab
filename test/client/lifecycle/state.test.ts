import { describe, expect, it } from "vitest";
import { StateMachine } from "../../../src/client/lifecycle/state.js";
import { Emitter } from "../../../src/events/emitter.js";
import type { EventMap, State } from "../../../src/events/event-map.js";

const states: readonly State[] = [
  ...(["idle", "connecting", "connected", "disconnecting", "disconnected"] as const),
  ...(["reconnecting", "backingOff", "failed", "closed"] as const),
];

/** A sequence of transitions that leads to each state. */
const paths: Readonly<Record<State, readonly State[]>> = {
  idle: [],
  connecting: ["connecting"],
  connected: ["connecting", "connected"],
  disconnecting: ["connecting", "connected", "disconnecting"],
  disconnected: ["connecting", "connected", "disconnected"],
  reconnecting: ["connecting", "connected", "disconnected", "reconnecting"],
  backingOff: ["connecting", "backingOff"],
  failed: ["connecting", "failed"],
  closed: ["closed"],
};

const allowed: ReadonlySet<string> = new Set([
  ...["idle connecting", "idle closed"],
  ...["connecting connected", "connecting backingOff", "connecting failed", "connecting closed"],
  ...["connected disconnecting", "connected disconnected"],
  ...["disconnecting disconnected"],
  ...["disconnected backingOff", "disconnected reconnecting", "disconnected failed", "disconnected closed"],
  ...["reconnecting connected", "reconnecting backingOff", "reconnecting failed", "reconnecting closed"],
  ...["backingOff connecting", "backingOff reconnecting", "backingOff failed", "backingOff closed"],
  ...["failed connecting"],
]);

function machineIn(state: State): { machine: StateMachine; changes: string[] } {
  const changes: string[] = [];
  const emitter = new Emitter<EventMap<unknown>>({ onListenerError: () => undefined });
  emitter.add("stateChange", ({ from, to }) => changes.push(`${from} ${to}`), false);
  const machine = new StateMachine(emitter);
  for (const step of paths[state]) machine.enter(step);
  changes.length = 0;
  return { machine, changes };
}

const transitions = (Object.keys(paths) as State[]).flatMap((from) =>
  states.map((to) => [from, to] as const),
);

describe("StateMachine", () => {
  it("starts in idle", () => {
    expect(new StateMachine({ emit: () => undefined }).current).toBe("idle");
  });

  it.each(transitions.filter(([from, to]) => allowed.has(`${from} ${to}`)))(
    "reports the transition from %s to %s",
    (from, to) => {
      const { machine, changes } = machineIn(from);
      machine.enter(to);
      expect([machine.current, changes]).toEqual([to, [`${from} ${to}`]]);
    },
  );

  it.each(transitions.filter(([from, to]) => !allowed.has(`${from} ${to}`)))(
    "throws on the transition from %s to %s",
    (from, to) => {
      const { machine, changes } = machineIn(from);
      expect(() => machine.enter(to)).toThrow(`A client that is ${from} cannot become ${to}.`);
      expect([machine.current, changes]).toEqual([from, []]);
    },
  );

  it("has the new state when it reports the transition", () => {
    const seen: State[] = [];
    const machine: StateMachine = new StateMachine({ emit: () => seen.push(machine.current) });
    machine.enter("connecting");
    expect(seen).toEqual(["connecting"]);
  });
});
