import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { arrowsOf, circleIn, readSources, type Arrow, type Sources } from "./support/import-graph.js";

/**
 * The rooms of the house, each with the rooms below it that it may name.
 * A new room has no place until it stands here.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  // The words that all rooms above share; they stand in an order too, or they would soon know each other.
  events: ["protocol"],
  errors: ["protocol", "events"],
  runtime: ["protocol", "errors", "events"],
  options: ["protocol", "errors", "events", "runtime"],
  transport: ["protocol", "errors", "events", "options", "runtime"],
  connection: ["protocol", "errors", "events", "options", "runtime", "transport"],

  // One layer each: they know nothing of each other nor of sockets, and the client alone composes them.
  reconnect: ["protocol", "errors", "events", "options", "runtime"],
  heartbeat: ["protocol", "errors", "events", "options", "runtime"],
  buffer: ["protocol", "errors", "events", "options", "runtime"],
  stats: ["protocol", "errors", "events", "options", "runtime"],

  client: [
    ...["protocol", "errors", "events", "options", "runtime", "transport", "connection"],
    ...["reconnect", "heartbeat", "buffer", "stats"],
  ],
  multiplex: ["protocol", "errors", "events", "options", "runtime", "client"],
  pool: ["protocol", "errors", "events", "options", "runtime", "client"],
  presets: ["protocol", "errors", "events", "options", "runtime", "client"],
  // A door of its own: what tests stand on knows the ports, and nothing of the client.
  testing: ["protocol", "errors", "events", "options", "runtime", "transport"],
  index: [
    ...["protocol", "errors", "events", "options", "runtime", "transport", "connection"],
    ...["reconnect", "heartbeat", "buffer", "stats", "client", "multiplex", "pool", "presets"],
  ],
};

/** `src/client/web-socket.ts` is of the room `client`, `src/errors.ts` of `errors`. */
function roomOf(file: string): string {
  const [folder, first] = file.split("/");
  return folder === "protocol" ? "protocol" : (first ?? "").replace(/\.ts$/, "");
}

/** The two files that hold the ports name each other's types: a runtime opens transports. */
const ports = ["src/runtime/runtime.ts", "src/transport/transport.ts"];

function isBetweenPorts({ from, to, isTypeOnly }: Arrow): boolean {
  return isTypeOnly && from !== to && ports.includes(from) && ports.includes(to);
}

function faultOf(arrow: Arrow, sources: Sources): string | undefined {
  const { from, to } = arrow;
  if (!sources.has(to)) return "names a file that does not exist";
  if (isBetweenPorts(arrow)) return undefined;
  const [above, below] = [roomOf(from), roomOf(to)];
  const allowed = rooms[above];
  if (allowed === undefined) return `is of the room "${above}", which has no place in the house`;
  if (above !== below && !allowed.includes(below)) return `points up or sideways, from ${above} to ${below}`;
  if (above !== "protocol" && below === "protocol" && to !== "protocol/index.ts") return "goes past the door";
  return undefined;
}

/** What is wrong with the imports of `sources`, one line each. */
function faultsIn(sources: Sources): string[] {
  const arrows = arrowsOf(sources);
  const faults = arrows.flatMap((arrow) => {
    const fault = faultOf(arrow, sources);
    return fault === undefined ? [] : [`${arrow.from} -> ${arrow.to} ${fault}`];
  });
  const circle = circleIn(arrows.filter((arrow) => !isBetweenPorts(arrow)));
  return circle === undefined ? faults : [...faults, `${circle.join(" -> ")} is a circle`];
}

describe("the house", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = readSources(root, ["protocol", "src"]);

  it("is seen whole", () => {
    expect([...sources.keys()]).toEqual(
      expect.arrayContaining([
        "protocol/index.ts",
        "protocol/errors.ts",
        "src/index.ts",
        "src/runtime/runtime.ts",
      ]),
    );
    expect(arrowsOf(sources).length).toBeGreaterThan(sources.size / 2);
  });

  it("has imports that point down, and none in a circle", () => {
    expect(faultsIn(sources)).toEqual([]);
  });

  it("has a place for each of its rooms, and no circle of rooms", () => {
    expect([...sources.keys()].filter((file) => rooms[roomOf(file)] === undefined)).toEqual([]);
    const arrows = Object.entries(rooms).flatMap(([from, below]) =>
      below.map((to) => ({ from, to, isTypeOnly: false })),
    );
    expect(circleIn(arrows)).toBeUndefined();
  });
});

describe("a house with a fault planted in it", () => {
  const sound = {
    "protocol/index.ts": 'export { E } from "./errors.js";',
    "protocol/errors.ts": "export class E {}",
    "src/runtime/runtime.ts": 'import type { T } from "../transport/transport.js"; export type R = T;',
    "src/transport/transport.ts": 'import type { R } from "../runtime/runtime.js"; export type T = R | 1;',
    "src/stats/counters.ts": "export const count = 0;",
    "src/buffer/inbox.ts": "export const inbox = [];",
    "src/connection/link.ts": 'import { E } from "../../protocol/index.js"; export { E };',
    "src/client/client.ts":
      'import { E } from "../connection/link.js"; import "../stats/counters.js"; export { E };',
    "src/index.ts": 'export * from "./client/client.js";',
  };
  const faultsWith = (file: string, text: string): string[] =>
    faultsIn(new Map(Object.entries({ ...sound, [file]: text })));

  it("has none before it is planted", () => {
    expect(faultsIn(new Map(Object.entries(sound)))).toEqual([]);
  });

  it.each([
    ["up, by a value", "src/connection/link.ts", 'import "../client/client.js";', "up or sideways"],
    [
      "up, by a type",
      "src/connection/link.ts",
      'import type { E } from "../client/client.js";',
      "up or sideways",
    ],
    [
      "up, out of protocol",
      "protocol/errors.ts",
      'export * from "../src/client/client.js";',
      "up or sideways",
    ],
    ["up, by import()", "src/stats/counters.ts", 'await import("../client/client.js");', "up or sideways"],
    ["up, by a type within", "src/stats/counters.ts", 'let e: import("../index.js").E;', "up or sideways"],
    ["sideways", "src/stats/counters.ts", 'import { inbox } from "../buffer/inbox.js";', "up or sideways"],
    [
      "up, to a port",
      "src/runtime/node.ts",
      'import type { T } from "../transport/transport.js";',
      "up or sideways",
    ],
    [
      "up, a port by value",
      "src/runtime/runtime.ts",
      'import "../transport/transport.js";',
      "up or sideways",
    ],
    [
      "past the door",
      "src/connection/link.ts",
      'import { E } from "../../protocol/errors.js";',
      "past the door",
    ],
    ["to nowhere", "src/connection/link.ts", 'import "./lost.js";', "does not exist"],
    ["from a room that is unknown", "src/attic/box.ts", 'import "../index.js";', "has no place"],
    ["in a circle of two", "protocol/errors.ts", 'import "./index.js";', "is a circle"],
    ["in a circle of one", "src/stats/counters.ts", 'import type { C } from "./counters.js";', "is a circle"],
  ])("fails on an arrow %s", (_, file, text, fault) => {
    expect(faultsWith(file, text).join("\n")).toContain(fault);
  });
});
