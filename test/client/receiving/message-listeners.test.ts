import { beforeEach, describe, expect, it } from "vitest";
import { MessageListeners } from "../../../src/client/receiving/message-listeners.js";
import { Decoder } from "../../../src/client/receiving/decoder.js";
import { decoded, undecoded } from "../../../src/client/receiving/received-message.js";
import { Emitter } from "../../../src/events/emitter.js";
import type { BorrowedMessage, EventMap } from "../../../src/events/event-map.js";

let emitter: Emitter<EventMap<string>>;
let listeners: MessageListeners<string>;
let heard: string[];
let errors: unknown[];
let changes: number;

beforeEach(() => {
  heard = [];
  errors = [];
  changes = 0;
  emitter = new Emitter<EventMap<string>>({ onListenerError: (name, error) => errors.push([name, error]) });
  listeners = new MessageListeners(emitter, { onListenersChanged: () => changes++ });
});

function add(kind: "message" | "rawMessage" | "borrowed", isOnce = false): () => void {
  const listener = ({ data }: { readonly data: string | Buffer }): void => {
    heard.push(`${kind} ${typeof data === "string" ? data : `<${data.toString()}>`}`);
  };
  if (kind === "borrowed") listeners.addBorrowed(listener);
  else emitter.add(kind, listener, isOnce);
  return () => listeners.removeRaw(listener as (event: unknown) => void);
}

const wants = (): boolean[] => [
  listeners.isEmpty,
  listeners.hasLasting,
  listeners.hasMessageListeners,
  listeners.hasOnlyMessageListeners,
  listeners.hasOnlyBorrowed,
];

describe("what the handlers of messages want", () => {
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
  ] as const)("with %j", (kinds, expected) => {
    for (const kind of kinds) add(kind);
    expect(wants()).toEqual(expected);
  });

  it("with one for the next message alone, which is not lasting", () => {
    add("message", true);
    expect(wants()).toEqual([false, false, true, false, false]);
    add("borrowed");
    expect(wants()).toEqual([false, true, true, false, false]);
  });

  it("after the last borrowed one has gone", () => {
    add("borrowed")();
    expect(wants()).toEqual([true, false, false, false, false]);
  });
});

describe("a change of who listens", () => {
  it("is told, whatever they listen for", () => {
    for (const kind of ["message", "rawMessage", "borrowed"] as const) {
      const before = changes;
      const remove = add(kind);
      expect(changes).toBe(before + 1);
      if (kind === "message") continue;
      remove();
      expect(changes).toBe(before + 2);
    }
  });

  it("is told where one had its only message, before it is called", () => {
    emitter.add("message", () => heard.push(`${changes}`), true);
    listeners.emitValue("a");
    expect(heard).toEqual(["2"]);
  });
});

describe("what they are told", () => {
  it("as it came: a string or a Buffer, and in any case a Buffer for who borrows", () => {
    add("borrowed");
    add("rawMessage");
    listeners.emitRaw("é");
    listeners.emitRaw(Buffer.from("b"));
    expect(heard).toEqual(["rawMessage é", "borrowed <é>", "rawMessage <b>", "borrowed <b>"]);
  });

  it("now: raw and decoded, where there is anybody, and whether it is had for good", () => {
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
    expect(heard).toEqual(["message a", "rawMessage A", "message a", "message given"]);
  });

  it("on loan, with its kind", () => {
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

  it("late: each what it has not had", () => {
    const decoder = new Decoder<string>(
      (data) => `=${String(data)}`,
      () => undefined,
    );
    const entry = undecoded<string>("a", 1, 0);
    add("borrowed");
    listeners.markDelivered(entry);
    add("borrowed");
    add("message");
    listeners.emitWaiting(entry, decoder);
    listeners.emitWaiting(entry, decoder);
    expect(heard).toEqual(["borrowed <a>", "message =a"]);
  });

  it("and what they throw is told by the name of the event", () => {
    listeners.addBorrowed(() => {
      throw new RangeError("mine");
    });
    listeners.emitBorrowed(Buffer.alloc(0), true);
    expect(errors).toEqual([["rawMessage", new RangeError("mine")]]);
  });
});

describe("removeRaw()", () => {
  it("takes away what was added last, and nothing where there is none", () => {
    const look = (event: unknown): void => void heard.push(typeof (event as BorrowedMessage).data);
    listeners.removeRaw(look);
    listeners.addBorrowed(look);
    emitter.add("rawMessage", look, false);
    listeners.removeRaw(look);
    listeners.emitRaw("a");
    expect(heard).toEqual(["object"]);
    listeners.removeRaw(look);
    listeners.removeRaw(look);
    expect(listeners.isEmpty).toBe(true);
  });
});
