// Faults of a server, with the expected fields of their close reports.
import type { Verdict } from "../../src/index.js";
import { frame } from "../../src/testing/index.js";
import { opcodes } from "../support/wire.js";
import { byNetwork, byPeer, type Fault, inMemory } from "./fault.js";
import type { InMemory, Options } from "./fault-worlds.js";

/** The server closes an open connection with `code`, or with an empty Close if `code` is undefined. */
function closedWith(verdict: Verdict, code?: number): Fault {
  return {
    name: `the server closes with ${code ?? "an empty Close"}`,
    play: inMemory({
      script: (connection) => {
        connection.accept();
        connection.close(code, code === undefined ? "" : "as it pleases");
      },
    }),
    verdict,
    ...byPeer,
    codeSent: code ?? 1005,
    codeReceived: code ?? 1005,
  };
}

function answeredWith(verdict: Verdict, statusCode: number, headers: Record<string, string> = {}): Fault {
  return {
    name: `the server answers with HTTP ${statusCode}`,
    play: inMemory({ script: (connection) => connection.reject(statusCode, { headers, body: "no" }) }),
    verdict,
    ...{ initiatedBy: "peer", phase: "http", statusCode, errorCode: "UNEXPECTED_STATUS" },
    isRetryable: verdict !== "auth" && verdict !== "not-found",
  };
}

/** The server accepts the first connection, resets it, and answers each later attempt with `statusCode`. */
function answeredLater(
  statusCode: number,
  name: string,
  expected: Pick<Fault, "verdict" | "isRetryable">,
): Fault {
  return {
    name,
    play: inMemory({
      options: { reconnect: true, backoff: { base: 100, jitter: false, multiplier: 1 } },
      script: (connection, n) => {
        if (n > 1) {
          connection.reject(statusCode);
          return;
        }
        connection.accept();
        connection.reset();
      },
    }),
    ...{ initiatedBy: "peer", phase: "http", statusCode, errorCode: "UNEXPECTED_STATUS" },
    ...expected,
  };
}

/** The client fails the connection because of the bytes that it receives. */
function failedOver(
  name: string,
  bytes: Uint8Array,
  expected: Pick<Fault, "verdict" | "codeSent" | "errorCode">,
  options: Options = {},
): Fault {
  const script: InMemory["script"] = (connection) => {
    connection.accept();
    connection.write(bytes);
  };
  return {
    ...{ name, play: inMemory({ script, options }) },
    ...{ initiatedBy: "us", phase: "open", isRetryable: true },
    ...expected,
  };
}

const closes: readonly Fault[] = [
  closedWith("normal", 1000),
  closedWith("going-away", 1001),
  closedWith("server-restart", 1012),
  closedWith("server-error", 1011),
  closedWith("rate-limited", 1013),
  closedWith("auth", 4401),
  closedWith("auth", 4403),
  closedWith("policy", 1008),
  closedWith("too-big", 1009),
  ...[1002, 1003, 1007, 1010].map((code) => closedWith("protocol-error", code)),
  ...[1014, 3000, 4000, undefined].map((code) => closedWith("closed-by-peer", code)),
];

const statuses: readonly Fault[] = [
  ...[500, 502, 503, 599].map((status) => answeredWith("server-error", status)),
  answeredWith("rate-limited", 429, { "Retry-After": "5" }),
  ...[401, 403].map((status) => answeredWith("auth", status)),
  ...[404, 410].map((status) => answeredWith("not-found", status)),
  ...[200, 302, 400, 426].map((status) =>
    answeredWith("handshake-rejected", status, status === 302 ? { Location: "/elsewhere" } : {}),
  ),
  answeredLater(401, "HTTP 401 for the third time in a row", { verdict: "auth", isRetryable: false }),
  answeredLater(404, "HTTP 404 after a successful connection", {
    ...{ verdict: "not-found", isRetryable: true },
  }),
  {
    name: "the server answers with a 101 for another key",
    play: inMemory({
      script: (connection) =>
        connection.write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            "Sec-WebSocket-Accept: bm90IHRoZSBrZXkgdGhhdCB3ZSBzZW50\r\n\r\n",
        ),
    }),
    verdict: "handshake-rejected",
    ...{ initiatedBy: "peer", phase: "http", isRetryable: true, statusCode: 101 },
    errorCode: "INVALID_ACCEPT",
  },
  {
    name: "the server answers with bytes that are not HTTP",
    play: inMemory({ script: (connection) => connection.write("SSH-2.0-OpenSSH_9.2\r\n\r\n") }),
    ...{ verdict: "handshake-rejected", initiatedBy: "peer", phase: "http", isRetryable: true },
    errorCode: "MALFORMED_RESPONSE",
  },
];

const failures: readonly Fault[] = [
  failedOver("a frame of a reserved opcode comes", frame({ opcode: 3 }), {
    ...{ verdict: "protocol-error", codeSent: 1002, errorCode: "UNKNOWN_OPCODE" },
  }),
  failedOver("a text that is no UTF-8 comes", frame({ opcode: opcodes.text, payload: Buffer.of(0xff) }), {
    ...{ verdict: "protocol-error", codeSent: 1007, errorCode: "INVALID_UTF8" },
  }),
  failedOver(
    "a message larger than maxMessageSize arrives",
    frame({ opcode: opcodes.binary, payload: Buffer.alloc(101) }),
    { verdict: "too-big", codeSent: 1009, errorCode: "MESSAGE_TOO_BIG" },
    { maxMessageSize: 100 },
  ),
  {
    name: "a message starts and makes no progress",
    play: inMemory({
      script: (connection) => {
        connection.accept();
        connection.write(frame({ opcode: opcodes.text, payload: "half" }).subarray(0, 4));
      },
      act: ({ pass }) => pass(120_000),
    }),
    ...{ verdict: "policy", initiatedBy: "us", phase: "open", isRetryable: true },
    ...{ codeSent: 1008, errorCode: "MESSAGE_STALLED" },
  },
  {
    name: 'the inbox is full, with overflow: "error"',
    play: inMemory({
      options: { buffer: { capacity: 2, overflow: "error" } },
      script: async (connection) => {
        connection.accept();
        await connection.receive();
        for (let count = 0; count < 5; count++) connection.send(count);
      },
      act: async ({ ws, pass }) => {
        ws[Symbol.asyncIterator]();
        await ws.send("go on");
        await pass(10);
      },
    }),
    ...{ verdict: "local-stall", initiatedBy: "us", phase: "open", isRetryable: true },
    ...{ codeSent: 1008, errorCode: "INBOX_OVERFLOW" },
  },
  {
    name: "both ends wait for the other to read",
    play: inMemory({
      options: { buffer: 1, heartbeat: { interval: 1_000, timeout: 1_000 } },
      script: async (connection) => {
        connection.accept();
        await connection.receive();
        connection.stopReading();
        for (let count = 0; count < 5; count++) connection.send(count);
      },
      act: async ({ ws, pass }) => {
        ws[Symbol.asyncIterator]();
        await ws.send("go on");
        await pass(10);
        void ws.sendRaw(Buffer.alloc(1_000_000));
        await pass(2_500);
      },
    }),
    ...{ verdict: "local-stall", ...byNetwork, phase: "open", errorCode: "MUTUAL_STALL" },
  },
];

/** Closes, HTTP responses and protocol violations of the server. */
export const serverFaults: readonly Fault[] = [...closes, ...statuses, ...failures];
