import { beforeEach, describe, expect, it } from "vitest";
import { MessageListeners } from "../../../src/client/receiving/message-listeners.js";
import { Decoder } from "../../../src/client/receiving/decoder.js";
import { decoded, undecoded } from "../../../src/client/receiving/received-message.js";
import { Emitter } from "../../../src/events/emitter.js";
import type { BorrowedMessage, EventMap } from "../../../src/events/event-map.js";

let emitter: Emitter<EventMap<unknown>>;
let listeners: MessageListeners;
let emitted: string[];
let errors: unknown[];
let changes: number;

beforeEach(() => {
  emitted = [];
  errors = [];
  changes = 0;
  emitter = new Emitter<EventMap<unknown>>({ onListenerError: (name, error) => errors.push([name, error]) });
  listeners = new MessageListeners(emitter, { onListenersChanged: () => changes++ });
});

function add(kind: "message" | "rawMessage" | "borrowed", isOnce = false): () => void {
  const listener = ({ data }: { readonly data: unknown }): void => {
    emitted.push(`${kind} ${Buffer.isBuffer(data) ? `<${data.toString()}>` : String(data)}`);
  };
  if (kind === "borrowed") listeners.addBorrowed(listener);
  else emitter.add(kind, listener, isOnce);
  return () => listeners.removeRaw(listener as (event: unknown) => void);
}

const properties = (): boolean[] => [
  listeners.isEmpty,
  listeners.hasLasting,
  !listeners.values.isEmpty,
  listeners.hasOnlyValues,
  listeners.hasOnlyBorrowed,
];

describe("MessageListeners properties", () => {
  it.each([
    [[], [true, false, false, false, false]],
    [["message"], [false, true, true, true, false]],
    [["rawMessage"], [false, true, false, false, false]],
    [["borrowed"], [false, true, false, false, true]],
    [
      ["message", "borrowed"],
      [false, true, true, false, false],
    ],
    [
      ["rawMessage", "borrowed"],
      [false, true, false, false, false],
    ],
  ] as const)("with the listeners %j", (kinds, expected) => {
    for (const kind of kinds) add(kind);
    expect(properties()).toEqual(expected);
  });

  it("with a listener that was added with once(), which is not lasting", () => {
    add("message", true);
    expect(properties()).toEqual([false, false, true, false, false]);
    add("borrowed");
    expect(properties()).toEqual([false, true, true, false, false]);
  });

  it("after the last borrowed listener was removed", () => {
    add("borrowed")();
    expect(properties()).toEqual([true, false, false, false, false]);
  });
});

describe("onListenersChanged()", () => {
  it("is called when a listener of any kind is added or removed", () => {
    for (const kind of ["message", "rawMessage", "borrowed"] as const) {
      const before = changes;
      const remove = add(kind);
      expect(changes).toBe(before + 1);
      if (kind === "message") continue;
      remove();
      expect(changes).toBe(before + 2);
    }
  });

  it("is called when a once() listener is removed, before that listener is called", () => {
    emitter.add("message", () => emitted.push(`${changes}`), true);
    listeners.values.emit({ data: "a", size: 1 });
    expect(emitted).toEqual(["2"]);
  });
});

describe("MessageListeners", () => {
  it("emits raw messages as a string or a Buffer, and always as a Buffer to borrowed listeners", () => {
    add("borrowed");
    add("rawMessage");
    listeners.emitRaw("é");
    listeners.emitRaw(Buffer.from("b"));
    expect(emitted).toEqual(["rawMessage é", "borrowed <é>", "rawMessage <b>", "borrowed <b>"]);
  });

  it("emits raw and decoded messages, and returns whether a lasting listener received them", () => {
    const entry = decoded("a", "A", 1, 0);
    expect(listeners.emit(entry)).toBe(false);
    add("message", true);
    expect(listeners.emit(entry)).toBe(false);
    expect(entry.deliveredToId).toBe(0);
    add("rawMessage");
    add("message");
    expect(listeners.emit(entry)).toBe(true);
    expect(listeners.emit(decoded("given", undefined, 0, 0))).toBe(true);
    expect(entry.deliveredToId).toBe(emitter.lastId);
    expect(emitted).toEqual(["message a", "rawMessage A", "message a", "message given"]);
  });

  it("emits borrowed bytes and whether they are binary", () => {
    const events: BorrowedMessage[] = [];
    listeners.addBorrowed((event) => events.push(event));
    const bytes = Buffer.from("a");
    listeners.emitBorrowed(bytes, true);
    listeners.emitBorrowed(bytes, false);
    expect(events).toEqual([
      { data: bytes, isBinary: true },
      { data: bytes, isBinary: false },
    ]);
    expect(events[0]!.data).toBe(bytes);
  });

  it("emits a queued message only to listeners that have not received it", () => {
    const decoder = new Decoder(
      (data) => `=${String(data)}`,
      () => undefined,
    );
    const entry = undecoded("a", 1, 0);
    add("borrowed");
    listeners.markDelivered(entry);
    add("borrowed");
    add("message");
    listeners.emitWaiting(entry, decoder);
    listeners.emitWaiting(entry, decoder);
    expect(emitted).toEqual(["borrowed <a>", "message =a"]);
  });

  it("reports an error of a listener with the name of the event", () => {
    listeners.addBorrowed(() => {
      throw new RangeError("mine");
    });
    listeners.emitBorrowed(Buffer.alloc(0), true);
    expect(errors).toEqual([["rawMessage", new RangeError("mine")]]);
  });
});

describe("removeRaw()", () => {
  it("removes the listener that was added last, and does nothing if there is none", () => {
    const listener = (event: unknown): void => void emitted.push(typeof (event as BorrowedMessage).data);
    listeners.removeRaw(listener);
    listeners.addBorrowed(listener);
    emitter.add("rawMessage", listener, false);
    listeners.removeRaw(listener);
    listeners.emitRaw("a");
    expect(emitted).toEqual(["object"]);
    listeners.removeRaw(listener);
    listeners.removeRaw(listener);
    expect(listeners.isEmpty).toBe(true);
  });
});
