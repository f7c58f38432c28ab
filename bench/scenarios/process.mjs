// Scenarios of importing, connecting, idling and garbage collection.
import { feed, kibibyte, numbered, text } from "./payloads.mjs";

const packages = ["jetsocket", "jetsocket-protocol", "ws", "ws-bufferutil", "undici", "websocket", "socket"];
const small = ["--min-semi-space-size=16", "--max-semi-space-size=16"];
const idle = {
  kind: "idle",
  payload: feed(2 * kibibyte),
  connections: 2000,
  idleMilliseconds: 2500,
  execArgv: ["--expose-gc"],
};

/** @type {readonly Partial<import("./index.mjs").Group>[]} */
export const ofTheProcess = [
  {
    title: "Opening connections",
    unit: "us of CPU per connection",
    more: "connections per second",
    scenarios: [{ kind: "connect", name: "connect", payload: text(128) }],
  },
  {
    title: "2,000 idle connections, after two heartbeats at the least",
    unit: "KiB of the process per connection",
    more: "KiB per connection that V8 and Node know to be held",
    clients: ["jetsocket", "ws", "undici", "websocket", "socket"],
    rounds: 3,
    scenarios: [
      { ...idle, name: "idle" },
      { ...idle, name: "idle-compressed", compression: "context" },
    ],
  },
  {
    title: "Import in a fresh process",
    unit: "ms of CPU",
    more: "MiB of memory",
    clients: packages,
    scenarios: [{ kind: "import", name: "import", payload: text(128) }],
  },
  {
    title: "Ways to receive, and all layers",
    clients: [
      ...["jetsocket", "jetsocket-for-await", "jetsocket-recv", "jetsocket-batches"],
      ...["jetsocket-all-layers", "ws"],
    ],
    baseline: "jetsocket",
    isWhole: true,
    scenarios: [{ kind: "receive", name: "ways-128B", payload: numbered(128) }],
  },
  {
    title: "Scavenges, with a young generation of 16 MiB",
    unit: "scavenges per million messages",
    clients: ["jetsocket", "ws"],
    scenarios: [{ kind: "scavenges", name: "scavenges-128B", payload: text(128), execArgv: small }],
  },
];
