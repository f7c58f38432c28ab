import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { beforeEach, describe, expect, it } from "vitest";
import { Emitter } from "../../src/events/emitter.js";

interface Events {
  one: number;
  two: string;
}

let errors: [keyof Events, unknown][];
let emitter: Emitter<Events>;
let told: string[];

beforeEach(() => {
  errors = [];
  told = [];
  emitter = new Emitter<Events>({ onListenerError: (name, error) => errors.push([name, error]) });
});

function teller(word: string): (event: unknown) => void {
  return (event) => void told.push(`${word} ${String(event)}`);
}

async function promisesSettled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("listeners", () => {
  it("are called in the order in which they were added, with the event", () => {
    for (const word of ["a", "b", "c"]) emitter.add("one", teller(word), false);
    emitter.add("two", teller("other"), false);
    emitter.emit("one", 7);
    expect(told).toEqual(["a 7", "b 7", "c 7"]);
  });

  it("for one event are called once, in their place", () => {
    emitter.add("one", teller("a"), false);
    emitter.add("one", teller("once"), true);
    emitter.add("one", teller("b"), false);
    emitter.emit("one", 1);
    emitter.emit("one", 2);
    expect(told).toEqual(["a 1", "once 1", "b 1", "a 2", "b 2"]);
  });

  it("for one event are called once where a listener before them emits again", () => {
    emitter.add("one", (event) => event === 1 && emitter.emit("one", 2), false);
    emitter.add("one", teller("once"), true);
    emitter.emit("one", 1);
    expect(told).toEqual(["once 2"]);
  });

  it("for one event are gone when they are called", () => {
    emitter.add("one", () => told.push(String(emitter.has("one"))), true);
    emitter.emit("one", 1);
    expect(told).toEqual(["false"]);
  });

  it("that were added twice are called twice, and each removal takes the last of them", () => {
    const twice = teller("twice");
    emitter.add("one", twice, false);
    emitter.add("one", teller("between"), false);
    emitter.add("one", twice, false);
    emitter.emit("one", 1);
    emitter.remove("one", twice);
    emitter.emit("one", 2);
    emitter.remove("one", twice);
    emitter.remove("one", twice);
    emitter.emit("one", 3);
    expect(told).toEqual(["twice 1", "between 1", "twice 1", "twice 2", "between 2", "between 3"]);
  });

  it("for one event can be removed by their function", () => {
    const listener = teller("never");
    emitter.add("one", listener, true);
    emitter.remove("one", listener);
    emitter.emit("one", 1);
    expect(told).toEqual([]);
  });

  it("that are added during an event have the next one", () => {
    emitter.add("one", () => emitter.add("one", teller("new"), false), true);
    emitter.emit("one", 1);
    expect(told).toEqual([]);
    emitter.emit("one", 2);
    expect(told).toEqual(["new 2"]);
  });

  it("that are removed during an event have had their last one, as in Node", () => {
    const later = teller("later");
    emitter.add("one", () => emitter.remove("one", later), false);
    emitter.add("one", later, false);
    emitter.emit("one", 1);
    emitter.emit("one", 2);
    expect(told).toEqual(["later 1"]);
  });

  it("who are told in another way are called by who holds on to them, with the errors and ids of all", () => {
    const separate = emitter.createSeparateList<string>("one");
    const listener = (event: string): void => {
      told.push(event);
      throw new Error(event);
    };
    emitter.addTo(separate, listener, false);
    expect(separate.idOf(listener)).toBe(emitter.lastId);
    expect(separate.idOf(() => undefined)).toBe(0);
    emitter.emit("one", 1);
    separate.emit("branch");
    expect(told).toEqual(["branch"]);
    expect(errors).toEqual([["one", new Error("branch")]]);
    expect(() => emitter.addTo(separate, 5 as never, false)).toThrow('"one" must be a function');
  });

  it("after some id alone are called where that is asked", () => {
    emitter.add("one", teller("old"), false);
    const { lastId } = emitter;
    emitter.add("one", teller("new"), false);
    emitter.listFor("one").emit(1, lastId);
    expect(told).toEqual(["new 1"]);
  });

  it("after some id are not called where the only one came before it", () => {
    emitter.add("one", teller("only"), false);
    emitter.listFor("one").emit(1, emitter.lastId);
    emitter.listFor("one").emit(2, emitter.lastId - 1);
    expect(told).toEqual(["only 2"]);
  });

  it("that is the only one may add another and leave, from inside its event", () => {
    const only = (event: number): void => {
      told.push(`only ${event}`);
      emitter.add("one", teller("next"), false);
      emitter.remove("one", only);
      emitter.emit("one", event + 1);
    };
    emitter.add("one", only, false);
    emitter.emit("one", 1);
    emitter.emit("one", 3);
    expect(told).toEqual(["only 1", "next 2", "next 3"]);
  });

  it.each([undefined, null, "no", {}])("must be functions: %s", (listener) => {
    const add = (): void => emitter.add("one", listener as never, false);
    expect(add).toThrow(TypeError);
    expect(add).toThrow(/listener of "one" must be a function, not (undefined|object|string)/);
    expect(emitter.has("one")).toBe(false);
  });
});

describe("what it has", () => {
  it("is any listener, or a lasting one", () => {
    const [once, lasting] = [teller("once"), teller("lasting")];
    expect([emitter.has("one"), emitter.listFor("one").hasLasting]).toEqual([false, false]);
    emitter.add("one", once, true);
    expect([emitter.has("one"), emitter.listFor("one").hasLasting]).toEqual([true, false]);
    emitter.add("one", lasting, false);
    expect([emitter.has("one"), emitter.listFor("one").hasLasting]).toEqual([true, true]);
    expect([emitter.has("two"), emitter.listFor("two").hasLasting]).toEqual([false, false]);
    emitter.remove("one", lasting);
    emitter.emit("one", 1);
    expect(emitter.has("one")).toBe(false);
  });
});

describe("a listener that fails", () => {
  const failure = new Error("mine");

  it("by throwing breaks neither the others nor the caller", () => {
    emitter.add(
      "one",
      () => {
        throw failure;
      },
      false,
    );
    emitter.add("one", teller("b"), false);
    emitter.emit("one", 1);
    expect([told, errors]).toEqual([["b 1"], [["one", failure]]]);
  });

  it("by a rejection is told too", async () => {
    emitter.add("one", () => Promise.reject(failure), false);
    emitter.add("one", async () => Promise.resolve("fine"), false);
    emitter.emit("one", 1);
    await promisesSettled();
    expect(errors).toEqual([["one", failure]]);
  });

  it("by the rejection of a promise of a library's own is told too", async () => {
    const thenable = {
      then: (_onFulfilled: unknown, onRejected: (error: unknown) => void) => onRejected(failure),
    };
    emitter.add("one", () => thenable, false);
    emitter.emit("one", 1);
    await promisesSettled();
    expect(errors).toEqual([["one", failure]]);
  });

  it("by a `then` that throws is told too", () => {
    const thenable = {
      get then(): never {
        throw failure;
      },
    };
    emitter.add("two", () => thenable, false);
    emitter.emit("two", "x");
    expect(errors).toEqual([["two", failure]]);
  });

  it.each([null, undefined, 5, "text", { then: "no function" }])("is none that gives %o", (result) => {
    emitter.add("one", () => result, false);
    emitter.emit("one", 1);
    expect(errors).toEqual([]);
  });
});

describe("the async context", () => {
  const storage = new AsyncLocalStorage<string>();

  it("is that in which a listener was added, whoever emits", async () => {
    const seen: unknown[] = [];
    storage.run("adder", () => emitter.add("one", () => seen.push(storage.getStore()), false));
    emitter.add("one", () => seen.push(storage.getStore()), true);
    storage.run("emitter", () => emitter.emit("one", 1));
    await storage.run("other", async () => {
      await promisesSettled();
      emitter.emit("one", 2);
    });
    expect(seen).toEqual(["adder", undefined, "adder"]);
  });

  it("keeps no process alive, and says so to who looks for what does", () => {
    const held: boolean[] = [];
    const hook = createHook({
      init: (_id, type, _trigger, resource: { hasRef?: () => boolean }) => {
        if (type === "jetsocket:one") held.push(resource.hasRef?.() ?? true);
      },
    }).enable();
    emitter.add("one", () => undefined, false);
    hook.disable();
    expect(held).toEqual([false]);
  });

  it("lasts over what the listener awaits", async () => {
    const seen: unknown[] = [];
    storage.run("adder", () => {
      const listener = async (): Promise<void> => {
        await promisesSettled();
        seen.push(storage.getStore());
      };
      emitter.add("one", listener, false);
    });
    storage.run("emitter", () => emitter.emit("one", 1));
    await promisesSettled();
    await promisesSettled();
    expect(seen).toEqual(["adder"]);
  });
});
