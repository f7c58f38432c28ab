import { beforeEach, describe, expect, it } from "vitest";
import { isThenable, Listeners } from "../../src/channels/listeners.js";

interface Events {
  a: number;
  b: string;
}

let listeners: Listeners<Events>;
let story: unknown[];

beforeEach(() => {
  story = [];
  listeners = new Listeners<Events>(["a", "b"], (name, thrown) => story.push(`${name}: ${String(thrown)}`));
});

const record = (name: string) => (event: unknown) => void story.push(`${name}${String(event)}`);

describe("listeners", () => {
  it("are called in order, once() a single time, and off() removes the newest addition", () => {
    const [one, two] = [record("one "), record("two ")];
    listeners.add("a", one, false);
    listeners.add("a", two, true);
    listeners.add("a", one, false);
    listeners.emit("a", 1);
    listeners.remove("a", one);
    listeners.remove("a", two);
    listeners.emit("a", 2);
    listeners.emit("b", "x");
    expect(story).toEqual(["one 1", "two 1", "one 1", "one 2"]);
    expect([listeners.has("a"), listeners.has("b")]).toEqual([true, false]);
  });

  it("that are added or removed by a listener take effect with the next event", () => {
    const late = record("late ");
    listeners.add("a", () => listeners.add("a", late, false), true);
    listeners.emit("a", 1);
    listeners.emit("a", 2);
    expect(story).toEqual(["late 2"]);
  });

  it("are added without a copy of all listeners for each one", () => {
    for (let count = 0; count < 50_000; count++) listeners.add("a", () => story.push(""), false);
    listeners.emit("a", 1);
    expect(story.length).toBe(50_000);
  });

  it("of once() are called once if a listener emits the same event", () => {
    listeners.add("a", (n) => n === 1 && listeners.emit("a", 2), false);
    listeners.add("a", record("once "), true);
    listeners.emit("a", 1);
    expect(story).toEqual(["once 2"]);
  });

  it("that throw or reject are reported, and do not stop the others", async () => {
    listeners.add(
      "a",
      () => {
        throw new Error("now");
      },
      false,
    );
    listeners.add("a", () => Promise.reject(new Error("later")), false);
    listeners.add("a", record("last "), false);
    listeners.emit("a", 1);
    await Promise.resolve();
    await Promise.resolve();
    expect(story).toEqual(["a: Error: now", "last 1", "a: Error: later"]);
  });

  it("have names that are checked, and must be functions", () => {
    for (const name of ["c", "toString", undefined, 5])
      expect(() => listeners.add(name as never, () => undefined, false)).toThrow("a, b");
    expect(() => listeners.add("a", "f" as never, false)).toThrow(TypeError);
  });
});

it.each([
  [Promise.resolve(), true],
  [{ then: () => undefined }, true],
  [{ then: 1 }, false],
  [undefined, false],
  [null, false],
  ["then", false],
])("%o is a promise: %s", (value, expected) => expect(isThenable(value)).toBe(expected));
