// Scenarios of receiving.
import { bytes, feed, kibibyte, mebibyte, text, words } from "./payloads.mjs";

const isForMainClients = true;
const receive = { kind: "receive" };
/** Longer warm-up in milliseconds, because only a few messages fit into the default one. */
const single = { ...receive, isOneAtATime: true, warmUpMilliseconds: 1500 };
const withContext = { ...receive, compression: "context" };
const withoutContext = { ...receive, compression: "without-context" };

/** @type {readonly Partial<import("./index.mjs").Group>[]} */
export const receiving = [
  {
    title: "Receiving text",
    scenarios: [
      { ...receive, name: "recv-text-32B", payload: text(32) },
      { ...receive, name: "recv-text-128B", payload: text(128) },
      { ...receive, name: "recv-text-1KiB", payload: text(kibibyte), isForMainClients },
      { ...receive, name: "recv-text-16KiB", payload: text(16 * kibibyte) },
      { ...receive, name: "recv-text-64KiB", payload: text(64 * kibibyte) },
      { ...receive, name: "recv-text-1MiB", payload: text(mebibyte), isForMainClients },
      { ...receive, name: "recv-fragments-64KiB", payload: text(64 * kibibyte), fragments: 16 },
      { ...receive, name: "recv-utf8-1KiB", payload: words(kibibyte), isForMainClients },
      { ...receive, name: "recv-utf8-64KiB", payload: words(64 * kibibyte) },
      { ...single, name: "recv-single-128B", payload: text(128) },
      { ...single, name: "recv-single-64KiB", payload: text(64 * kibibyte), isForMainClients },
    ],
  },
  {
    title: "Receiving binary",
    scenarios: [
      { ...receive, name: "recv-binary-32B", payload: bytes(32) },
      { ...receive, name: "recv-binary-128B", payload: bytes(128) },
      { ...receive, name: "recv-binary-512B", payload: bytes(512) },
      { ...receive, name: "recv-binary-1KiB", payload: bytes(kibibyte) },
      { ...receive, name: "recv-binary-64KiB", payload: bytes(64 * kibibyte) },
      { ...receive, name: "recv-binary-1MiB", payload: bytes(mebibyte) },
      { ...single, name: "recv-single-binary-128B", payload: bytes(128), isForMainClients },
      { ...single, name: "recv-single-binary-64KiB", payload: bytes(64 * kibibyte), isForMainClients },
    ],
  },
  {
    title: "Receiving JSON, as text and parsed",
    scenarios: [
      { ...receive, name: "recv-json-256B", payload: feed(256), isForMainClients },
      { ...receive, name: "recv-parsed-256B", payload: feed(256), isParsed: true },
    ],
  },
  {
    title: "Receiving compressed text",
    scenarios: [
      { ...withContext, name: "recv-compressed-200B", payload: feed(200) },
      { ...withContext, name: "recv-compressed-16KiB", payload: feed(16 * kibibyte) },
      { ...withoutContext, name: "recv-compressed-no-context-200B", payload: feed(200), isForMainClients },
      {
        ...withoutContext,
        name: "recv-compressed-no-context-16KiB",
        payload: feed(16 * kibibyte),
        isForMainClients,
      },
    ],
  },
];
