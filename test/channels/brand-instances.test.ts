import { expect, it } from "vitest";
import { brandInstances } from "../../src/channels/brand-instances.js";

it("sets the name and the brand of all instances, also with a polluted Object.prototype", () => {
  class OwnError extends Error {
    static readonly brand = Symbol("brand");
  }
  const pollution = { get: (): string => "polluted", configurable: true };
  Object.defineProperty(Object.prototype, "get", { value: pollution.get, configurable: true });
  try {
    brandInstances(OwnError, "OwnError");
  } finally {
    Reflect.deleteProperty(Object.prototype, "get");
  }
  const error = new OwnError("text");
  expect([error.name, OwnError.brand in error, Object.keys(error)]).toEqual(["OwnError", true, []]);
});
