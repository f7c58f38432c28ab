import { expect, it } from "vitest";
import { EventLog } from "../../../src/client/connection/event-log.js";

function begin(): { log: EventLog; pass: (ms: number) => void } {
  let now = 1_000;
  return { log: new EventLog({ now: () => now }), pass: (ms) => (now += ms) };
}

it("records events with the time since the log was created", () => {
  const { log, pass } = begin();
  log.add("connecting", "ws://feed.test/");
  pass(25);
  log.add("connected");
  expect(log.events).toEqual([
    { atMs: 0, name: "connecting", detail: "ws://feed.test/" },
    { atMs: 25, name: "connected", detail: "" },
  ]);
});

it("keeps the last 32 events", () => {
  const { log } = begin();
  for (let count = 1; count <= 40; count++) log.add(String(count));
  expect(log.events.map(({ name }) => name)).toEqual(
    Array.from({ length: 32 }, (_, index) => String(index + 9)),
  );
});

it("returns a frozen list that later events do not change", () => {
  const { log } = begin();
  log.add("one");
  const { events } = log;
  log.add("two");
  expect(events.length).toBe(1);
  expect(Object.isFrozen(events) && Object.isFrozen(events[0])).toBe(true);
});
