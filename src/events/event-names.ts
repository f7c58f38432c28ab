/**
 * Checks event names, and suggests an event for an unknown name. This module does not emit events.
 */
import { ownOptions } from "../../protocol/index.js";
import type { EventName } from "./event-map.js";
import { counterpartOf, type Counterparts, nearestName } from "./nearest-name.js";

const eventNames: Readonly<Record<EventName, true>> = {
  ...({ connecting: true, connected: true, reconnected: true, disconnected: true } as const),
  ...({ reconnecting: true, message: true, rawMessage: true, error: true, stateChange: true } as const),
  ...({ ping: true, pong: true, failing: true, closing: true, closed: true } as const),
  ...({ gap: true, recovered: true, reset: true, rotated: true } as const),
  ...({ paused: true, resumed: true, drain: true, dropped: true } as const),
};

/**
 * Event names of other libraries, grouped by the event of this library that has the same meaning. Each key is the text
 * that an error message shows for the event of this library.
 */
const counterparts: Counterparts = {
  '"connected", and "reconnected" for each later connection': "open connect ready upgrade",
  '"closed" for the end of the client, "disconnected" for the end of a connection': "close end finish",
  '"disconnected"': "disconnect",
  '"message" or "rawMessage"': "data",
  '"reconnecting" before an attempt, and "reconnected" after it': "reconnect",
  '"connecting"': "reconnectattempt",
  '"closed"': "reconnectfailed",
  '"error"': "reconnecterror connecterror unexpectedresponse redirect",
};

/**
 * Defines the handler properties of browsers, such as `onopen`. Assigning a handler throws, because the handler would
 * never be called. The error names the event to listen to.
 */
export function refuseHandlerProperties(prototype: object): void {
  for (const name of ["onopen", "onmessage", "onclose", "onerror"]) {
    const event = name.slice("on".length);
    const property: PropertyDescriptor = {
      configurable: true,
      get: () => undefined,
      set(value: unknown) {
        if (value === undefined || value === null) return;
        const suggestion = findSuggestion(event, Object.keys(eventNames)) ?? JSON.stringify(event);
        throw new TypeError(`A client has no property ${name}. Add a listener with on(): ${suggestion}.`);
      },
    };
    Object.defineProperty(prototype, name, ownOptions(property));
  }
}

/** @throws TypeError for an unknown event name. The error suggests the event that is probably meant. */
export function checkEventName(name: string): void {
  if (Object.hasOwn(eventNames, name)) return;
  const known = Object.keys(eventNames);
  const given: unknown = name;
  const isText = typeof given === "string";
  const suggestion = isText ? findSuggestion(given, known) : undefined;
  const hint = suggestion === undefined ? "" : ` Use ${suggestion}.`;
  const shown = isText ? JSON.stringify(given.slice(0, 100)) : String(given);
  throw new TypeError(`There is no event ${shown}.${hint} The events are: ${known.join(", ")}.`);
}

function findSuggestion(name: string, known: readonly string[]): string | undefined {
  const counterpart = counterpartOf(name, counterparts);
  if (counterpart !== undefined) return counterpart;
  const nearest = nearestName(name, known);
  return nearest === undefined ? undefined : JSON.stringify(nearest);
}
