import { expect, it } from "vitest";
import { sharedResources } from "../../../src/client/connection/shared-resources.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

it("returns the same resources for one runtime, and different ones for another", () => {
  const [one, two] = [new VirtualRuntime(), new VirtualRuntime()];
  expect(sharedResources(one)).toBe(sharedResources(one));
  expect(sharedResources(two)).not.toBe(sharedResources(one));
});

it("uses the random source of its runtime", () => {
  const [one, two] = [new Uint8Array(8), new Uint8Array(8)];
  sharedResources(new VirtualRuntime({ seed: 5 })).fillRandom(one);
  new VirtualRuntime({ seed: 5 }).fillRandom(two);
  expect(one).toEqual(two);
});
