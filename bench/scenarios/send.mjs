// Scenarios of sending and of round trips.
import { bytes, feed, kibibyte, mebibyte, text } from "./payloads.mjs";

const isForMainClients = true;
const together = { kind: "send" };
const singly = { kind: "send", isOnePerTick: true };
/** Longer warm-up in milliseconds, because only a few round trips fit into the default one. */
const echo = { kind: "echo", warmUpMilliseconds: 1500 };
const compressed = { kind: "send", compression: "context" };

/** @type {readonly Partial<import("./index.mjs").Group>[]} */
export const sending = [
  {
    title: "Sending, many per tick",
    scenarios: [
      { ...together, name: "send-text-32B", payload: text(32), burst: 1000 },
      { ...together, name: "send-text-128B", payload: text(128), burst: 1000 },
      { ...together, name: "send-text-1KiB", payload: text(kibibyte), burst: 1000, isForMainClients },
      { ...together, name: "send-text-64KiB", payload: text(64 * kibibyte), burst: 64, isForMainClients },
      { ...together, name: "send-binary-128B", payload: bytes(128), burst: 1000, isForMainClients },
      { ...together, name: "send-binary-16KiB", payload: bytes(16 * kibibyte), burst: 256, isForMainClients },
      { ...together, name: "send-binary-64KiB", payload: bytes(64 * kibibyte), burst: 64 },
      { ...together, name: "send-binary-1MiB", payload: bytes(mebibyte), burst: 8 },
    ],
  },
  {
    title: "Sending, one per tick",
    scenarios: [
      { ...singly, name: "send-tick-text-32B", payload: text(32), burst: 1000, isForMainClients },
      { ...singly, name: "send-tick-text-128B", payload: text(128), burst: 1000 },
      { ...singly, name: "send-tick-text-1KiB", payload: text(kibibyte), burst: 1000, isForMainClients },
      {
        ...singly,
        name: "send-tick-text-64KiB",
        payload: text(64 * kibibyte),
        burst: 64,
        isForMainClients,
      },
      { ...singly, name: "send-tick-binary-128B", payload: bytes(128), burst: 1000, isForMainClients },
      {
        ...singly,
        name: "send-tick-binary-16KiB",
        payload: bytes(16 * kibibyte),
        burst: 256,
        isForMainClients,
      },
      { ...singly, name: "send-tick-binary-64KiB", payload: bytes(64 * kibibyte), burst: 64 },
      { ...singly, name: "send-tick-binary-1MiB", payload: bytes(mebibyte), burst: 8, isForMainClients },
    ],
  },
  {
    title: "Sending compressed text, many per tick",
    more: "bytes on the wire per message",
    scenarios: [
      { ...compressed, name: "send-compressed-200B", payload: feed(200), burst: 1000 },
      { ...compressed, name: "send-compressed-16KiB", payload: feed(16 * kibibyte), burst: 64 },
    ],
  },
  {
    title: "There and back",
    scenarios: [
      { ...echo, name: "round-trip-128B", payload: text(128), underWay: 1 },
      { ...echo, name: "pipeline-128B", payload: text(128), underWay: 100 },
    ],
  },
];
