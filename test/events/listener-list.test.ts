import { beforeEach, describe, expect, it } from "vitest";
import { ListenerList } from "../../src/events/listener-list.js";

let errors: [name: string, error: unknown][];
let list: ListenerList<number>;
let calls: string[];
let lastId: number;

beforeEach(() => {
  errors = [];
  calls = [];
  lastId = 0;
  list = new ListenerList("tick", { onListenerError: (name, error) => errors.push([name, error]) });
});

type Listener = (event: number) => void;

function recorder(name: string): Listener {
  return (event) => void calls.push(`${name} ${event}`);
}

/** Adds a listener with the next id and returns the id. */
function add(listener: Listener, isOnce = false): number {
  list.add(listener, isOnce, ++lastId);
  return lastId;
}

describe("the listeners of a list", () => {
  it("do not exist at first", () => {
    expect(list).toMatchObject({ name: "tick", isEmpty: true, hasLasting: false, listeners: [] });
    list.emit(1);
    expect(errors).toEqual([]);
  });

  it("are returned in the order in which they were added, and as often", () => {
    const [a, b] = [recorder("a"), recorder("b")];
    add(a);
    add(b, true);
    add(a, true);
    expect(list.listeners).toEqual([a, b, a]);
    expect(list.isEmpty).toBe(false);
  });

  it("are returned as an array that the caller may change", () => {
    add(recorder("a"));
    list.listeners.length = 0;
    list.emit(1);
    expect([list.isEmpty, calls]).toEqual([false, ["a 1"]]);
  });

  it("are called without `this`", () => {
    const receivers: unknown[] = [];
    add(function (this: unknown) {
      receivers.push(this);
    });
    list.emit(1);
    expect(receivers).toEqual([undefined]);
  });
});

describe("idOf()", () => {
  it("returns the id of the entry that remove() removes", () => {
    const twice = recorder("twice");
    const first = add(twice);
    add(recorder("other"));
    const second = add(twice, true);
    expect(list.idOf(twice)).toBe(second);
    list.remove(twice);
    expect(list.idOf(twice)).toBe(first);
    list.remove(twice);
    expect(list.idOf(twice)).toBe(0);
  });
});

describe("clear()", () => {
  it("removes all listeners", () => {
    add(recorder("a"));
    add(recorder("b"), true);
    list.clear();
    expect(list).toMatchObject({ isEmpty: true, hasLasting: false, listeners: [] });
    list.emit(1);
    expect(calls).toEqual([]);
  });

  it("inside a listener does not stop the current event", () => {
    add(() => list.clear());
    add(recorder("b"));
    add(recorder("once"), true);
    list.emit(1);
    list.emit(2);
    expect(calls).toEqual(["b 1", "once 1"]);
  });

  it("removes the only listener too", () => {
    add(recorder("only"));
    list.clear();
    list.emit(1);
    expect(calls).toEqual([]);
  });
});

describe("the watcher", () => {
  let changes: string[];

  beforeEach(() => {
    changes = [];
    list.watcher = {
      onListenersChanged: () => changes.push(`${list.listeners.length} ${list.hasLasting}`),
    };
  });

  it("is called after a listener was added or removed", () => {
    const listener = recorder("a");
    add(listener);
    add(listener, true);
    list.remove(listener);
    list.remove(listener);
    expect(changes).toEqual(["1 true", "2 true", "1 true", "0 false"]);
  });

  it("is not called if nothing was removed", () => {
    add(recorder("a"));
    list.remove(recorder("other"));
    list.emit(1);
    expect(changes).toEqual(["1 true"]);
    list.clear();
    list.clear();
    expect(changes).toEqual(["1 true", "0 false"]);
  });

  it("is called before a once() listener is called", () => {
    add(() => changes.push("called"), true);
    list.emit(1);
    expect(changes).toEqual(["1 false", "0 false", "called"]);
  });
});

describe("emit() with afterId", () => {
  it("calls the listeners with a larger id", () => {
    for (const name of ["a", "b", "c"]) add(recorder(name));
    list.emit(0, 0);
    list.emit(1, 1);
    list.emit(2, 2);
    list.emit(3, 3);
    expect(calls).toEqual(["a 0", "b 0", "c 0", "b 1", "c 1", "c 2"]);
  });

  it("compares the id of the only listener too", () => {
    const id = add(recorder("only"));
    list.emit(1, id - 1);
    list.emit(2, id);
    list.emit(3, id + 1);
    expect(calls).toEqual(["only 1"]);
  });

  it("keeps a once() listener that it skips", () => {
    const id = add(recorder("once"), true);
    list.emit(1, id);
    expect([calls, list.isEmpty]).toEqual([[], false]);
    list.emit(2, id - 1);
    expect([calls, list.isEmpty]).toEqual([["once 2"], true]);
  });
});

describe("a listener that changes the list during an event", () => {
  it("removes a once() listener, which is still called for this event", () => {
    const once = recorder("once");
    add(() => list.remove(once));
    add(once, true);
    list.emit(1);
    list.emit(2);
    expect(calls).toEqual(["once 1"]);
  });

  it("emits another event: each once() listener receives the inner event only", () => {
    add((event) => event === 1 && list.emit(2));
    add(recorder("once a"), true);
    add(recorder("lasting"));
    add(recorder("once b"), true);
    list.emit(1);
    expect(calls).toEqual(["once a 2", "lasting 2", "once b 2", "lasting 1"]);
    expect(list.listeners).toHaveLength(2);
  });

  it("adds the first lasting listener to once() listeners, which is called from the next event on", () => {
    add(() => add(recorder("lasting")), true);
    list.emit(1);
    expect([calls, list.hasLasting]).toEqual([[], true]);
    list.emit(2);
    list.emit(3);
    expect(calls).toEqual(["lasting 2", "lasting 3"]);
  });
});

describe("a once() listener that throws", () => {
  it("is removed, and the error is reported with the name of the event", () => {
    const failure = new Error("mine");
    add(() => {
      throw failure;
    }, true);
    add(recorder("next"));
    list.emit(1);
    list.emit(2);
    expect(errors).toEqual([["tick", failure]]);
    expect(calls).toEqual(["next 1", "next 2"]);
  });
});
