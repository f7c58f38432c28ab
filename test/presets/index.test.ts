import { expect, it } from "vitest";
import { WebSocket } from "../../src/index.js";
import * as presets from "../../src/presets/index.js";

it("exports the four presets", () => {
  expect(Object.keys(presets).sort()).toEqual(["dashboard", "llmStream", "minimal", "trading"]);
});

it.each(Object.entries(presets))("%s is a plain object that the client accepts", (_, preset) => {
  expect(Object.getPrototypeOf(preset)).toBe(Object.prototype);
  expect(Object.values(preset).some((value) => typeof value === "function")).toBe(false);
  expect(() => new WebSocket("wss://feed.test/", { ...preset })).not.toThrow();
});

it.each(Object.entries(presets))(
  "%s is frozen with its groups, because all clients share it",
  (_, preset) => {
    for (const part of [preset, ...Object.values<unknown>(preset)]) expect(Object.isFrozen(part)).toBe(true);
  },
);

it.each(Object.entries(presets))("%s can be combined with other options", (_, preset) => {
  const ws = new WebSocket("wss://feed.test/", {
    ...preset,
    onConnection: () => undefined,
    heartbeat: { ...(typeof preset.heartbeat === "object" ? preset.heartbeat : {}), ping: () => "ping" },
  });
  expect(ws.state).toBe("idle");
});
