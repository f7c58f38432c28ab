import { describe, expect, it } from "vitest";
import { nearestName } from "../../src/events/nearest-name.js";

const known = ["message", "closed", "connected", "gap"];

describe("nearestName", () => {
  it.each([
    ["mesage", "message"],
    ["messsage", "message"],
    ["massage", "message"],
    ["emssage", "message"],
    ["Message", "message"],
    ["conected", "connected"],
    ["conencetd", "connected"],
    ["gsp", "gap"],
    ["clo_sed", "closed"],
  ])("recognises %s as a typo of %s", (name, expected) => {
    expect(nearestName(name, known)).toBe(expected);
  });

  it.each(["", "x", "ga", "something else", "connection", "a".repeat(100_000)])(
    "returns undefined if no name is similar: %s",
    (name) => {
      expect(nearestName(name, known)).toBeUndefined();
    },
  );

  it("returns the nearest of several names", () => {
    expect(nearestName("closee", ["close_x", "closed"])).toBe("close_x");
    expect(nearestName("closec", ["clos", "closed"])).toBe("closed");
  });
});
