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
  ])("finds what %s is a typo of", (name, expected) => {
    expect(nearestName(name, known)).toBe(expected);
  });

  it.each(["", "x", "ga", "something else", "connection", "a".repeat(100_000)])(
    "finds nothing where none is near: %s",
    (name) => {
      expect(nearestName(name, known)).toBeUndefined();
    },
  );

  it("takes the nearest of several", () => {
    expect(nearestName("closee", ["close_x", "closed"])).toBe("close_x");
    expect(nearestName("closec", ["clos", "closed"])).toBe("closed");
  });
});
