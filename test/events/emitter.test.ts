import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { beforeEach, describe, expect, it } from "vitest";
import { Emitter } from "../../src/events/emitter.js";

interface Events {
  one: number;
  two: string;
}

let errors: [name: string, error: unknown][];
let emitter: Emitter<Events>;
let calls: string[];

beforeEach(() => {
  errors = [];
  calls = [];
  emitter = new Emitter<Events>({ onListenerError: (name, error) => errors.push([name, error]) });
});

function recorder(name: string): (event: unknown) => void {
  return (event) => void calls.push(`${name} ${String(event)}`);
}

async function promisesSettled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("listeners", () => {
  it("are called with the event, in the order in which they were added", () => {
    for (const name of ["a", "b", "c"]) emitter.add("one", recorder(name), false);
    emitter.add("two", recorder("other"), false);
    emitter.emit("one", 7);
    expect(calls).toEqual(["a 7", "b 7", "c 7"]);
  });

  it("added with once() are called once, in their position", () => {
    emitter.add("one", recorder("a"), false);
    emitter.add("one", recorder("once"), true);
    emitter.add("one", recorder("b"), false);
    emitter.emit("one", 1);
    emitter.emit("one", 2);
    expect(calls).toEqual(["a 1", "once 1", "b 1", "a 2", "b 2"]);
  });

  it("added with once() are called once even if an earlier listener emits again", () => {
    emitter.add("one", (event) => event === 1 && emitter.emit("one", 2), false);
    emitter.add("one", recorder("once"), true);
    emitter.emit("one", 1);
    expect(calls).toEqual(["once 2"]);
  });

  it("added with once() are removed before they are called", () => {
    emitter.add("one", () => calls.push(String(emitter.has("one"))), true);
    emitter.emit("one", 1);
    expect(calls).toEqual(["false"]);
  });

  it("added twice are called twice, and each removal removes the last entry", () => {
    const twice = recorder("twice");
    emitter.add("one", twice, false);
    emitter.add("one", recorder("between"), false);
    emitter.add("one", twice, false);
    emitter.emit("one", 1);
    emitter.remove("one", twice);
    emitter.emit("one", 2);
    emitter.remove("one", twice);
    emitter.remove("one", twice);
    emitter.emit("one", 3);
    expect(calls).toEqual(["twice 1", "between 1", "twice 1", "twice 2", "between 2", "between 3"]);
  });

  it("added with once() can be removed by their function", () => {
    const listener = recorder("never");
    emitter.add("one", listener, true);
    emitter.remove("one", listener);
    emitter.emit("one", 1);
    expect(calls).toEqual([]);
  });

  it("added during an event receive the next event", () => {
    emitter.add("one", () => emitter.add("one", recorder("new"), false), true);
    emitter.emit("one", 1);
    expect(calls).toEqual([]);
    emitter.emit("one", 2);
    expect(calls).toEqual(["new 2"]);
  });

  it("removed during an event still receive this event, as in Node.js", () => {
    const later = recorder("later");
    emitter.add("one", () => emitter.remove("one", later), false);
    emitter.add("one", later, false);
    emitter.emit("one", 1);
    emitter.emit("one", 2);
    expect(calls).toEqual(["later 1"]);
  });

  it("of a separate list are called only through this list, with the error handler and ids of the emitter", () => {
    const separate = emitter.createSeparateList<string>("one");
    const listener = (event: string): void => {
      calls.push(event);
      throw new Error(event);
    };
    emitter.addTo(separate, listener, false);
    expect(separate.idOf(listener)).toBe(emitter.lastId);
    expect(separate.idOf(() => undefined)).toBe(0);
    emitter.emit("one", 1);
    separate.emit("separate");
    expect(calls).toEqual(["separate"]);
    expect(errors).toEqual([["one", new Error("separate")]]);
    expect(() => emitter.addTo(separate, 5 as never, false)).toThrow('"one" must be a function');
  });

  it("with an id up to afterId are skipped", () => {
    emitter.add("one", recorder("old"), false);
    const { lastId } = emitter;
    emitter.add("one", recorder("new"), false);
    emitter.listFor("one").emit(1, lastId);
    expect(calls).toEqual(["new 1"]);
  });

  it("are skipped by afterId even if there is only one", () => {
    emitter.add("one", recorder("only"), false);
    emitter.listFor("one").emit(1, emitter.lastId);
    emitter.listFor("one").emit(2, emitter.lastId - 1);
    expect(calls).toEqual(["only 2"]);
  });

  it("may add another listener and remove themselves during an event, if there is only one", () => {
    const only = (event: number): void => {
      calls.push(`only ${event}`);
      emitter.add("one", recorder("next"), false);
      emitter.remove("one", only);
      emitter.emit("one", event + 1);
    };
    emitter.add("one", only, false);
    emitter.emit("one", 1);
    emitter.emit("one", 3);
    expect(calls).toEqual(["only 1", "next 2", "next 3"]);
  });

  it.each([undefined, null, "no", {}])("must be functions: %s", (listener) => {
    const add = (): void => emitter.add("one", listener as never, false);
    expect(add).toThrow(TypeError);
    expect(add).toThrow(/listener of "one" must be a function, not (undefined|object|string)/);
    expect(emitter.has("one")).toBe(false);
  });
});

describe("has() and hasLasting", () => {
  it("are true for any listener, and for a listener not added with once()", () => {
    const [once, lasting] = [recorder("once"), recorder("lasting")];
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

  it("by throwing does not affect other listeners or the caller", () => {
    emitter.add(
      "one",
      () => {
        throw failure;
      },
      false,
    );
    emitter.add("one", recorder("b"), false);
    emitter.emit("one", 1);
    expect([calls, errors]).toEqual([["b 1"], [["one", failure]]]);
  });

  it("by a rejection is reported", async () => {
    emitter.add("one", () => Promise.reject(failure), false);
    emitter.add("one", async () => Promise.resolve("fine"), false);
    emitter.emit("one", 1);
    await promisesSettled();
    expect(errors).toEqual([["one", failure]]);
  });

  it("by a rejection of a non-native promise is reported", async () => {
    const thenable = {
      then: (_onFulfilled: unknown, onRejected: (error: unknown) => void) => onRejected(failure),
    };
    emitter.add("one", () => thenable, false);
    emitter.emit("one", 1);
    await promisesSettled();
    expect(errors).toEqual([["one", failure]]);
  });

  it("by a `then` getter that throws is reported", () => {
    const thenable = {
      get then(): never {
        throw failure;
      },
    };
    emitter.add("two", () => thenable, false);
    emitter.emit("two", "x");
    expect(errors).toEqual([["two", failure]]);
  });

  it.each([null, undefined, 5, "text", { then: "no function" }])(
    "does not exist if the listener returns %o",
    (result) => {
      emitter.add("one", () => result, false);
      emitter.emit("one", 1);
      expect(errors).toEqual([]);
    },
  );
});

describe("the async context", () => {
  const storage = new AsyncLocalStorage<string>();

  it("is the one in which the listener was added, not that of the emitting code", async () => {
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

  it("does not keep the process alive, and hasRef() reports this", () => {
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

  it("is kept after the listener awaits", async () => {
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
