// Scenarios over TLS.
import { bytes, kibibyte, text } from "./payloads.mjs";

const receive = { kind: "receive", isSecure: true };
const echo = { kind: "echo", isSecure: true, warmUpMilliseconds: 1500 };
const send = { kind: "send", isSecure: true };

/** @type {readonly Partial<import("./index.mjs").Group>[]} */
export const secure = [
  {
    title: "Over TLS",
    clients: ["jetsocket", "jetsocket-protocol", "ws", "ws-bufferutil", "undici", "websocket", "socket"],
    scenarios: [
      { ...receive, name: "tls-recv-text-128B", payload: text(128) },
      { ...receive, name: "tls-recv-text-16KiB", payload: text(16 * kibibyte) },
      { ...send, name: "tls-send-text-128B", payload: text(128), burst: 1000 },
      { ...send, name: "tls-send-binary-64KiB", payload: bytes(64 * kibibyte), burst: 64 },
      { ...echo, name: "tls-round-trip-128B", payload: text(128), underWay: 1 },
    ],
  },
];
