// Faults of the network: failed attempts and lost connections, with the expected fields of their close reports.
import type { LookupFunction } from "node:net";
import type { CloseReport } from "../../src/index.js";
import type { RawServerOptions } from "../support/raw-server.js";
import { ScriptedPeer } from "../support/scripted-peer.js";
import { pingFrame } from "../support/wire.js";
import { byNetwork, type Fault, inMemory } from "./fault.js";
import { playOnSockets } from "./fault-worlds.js";

const notFound: LookupFunction = (hostname, _options, callback) => {
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" });
  setImmediate(callback, error, "");
};

async function onPeer(
  options: RawServerOptions,
  play: (peer: ScriptedPeer) => Promise<CloseReport>,
): Promise<CloseReport> {
  const peer = await ScriptedPeer.listen(options);
  try {
    return await play(peer);
  } finally {
    await peer.close();
  }
}

const attempts: readonly Fault[] = [
  {
    name: "the name is not found",
    play: () => playOnSockets("ws://nowhere.invalid/", { lookup: notFound }),
    ...{ verdict: "name-not-found", ...byNetwork, phase: "dns", errorCode: "ENOTFOUND" },
  },
  {
    name: "the port is refused",
    play: async () => {
      const peer = await ScriptedPeer.listen();
      const { url } = peer;
      await peer.close();
      return playOnSockets(url);
    },
    ...{ verdict: "refused", ...byNetwork, phase: "tcp", errorCode: "ECONNREFUSED" },
  },
  {
    name: "no server answers",
    play: inMemory({ isUnanswered: true, act: ({ pass }) => pass(10_000) }),
    ...{ verdict: "connect-timeout", ...byNetwork, phase: "dns", errorCode: "TIMEOUT" },
  },
  {
    name: "the server reads the request and never answers",
    play: inMemory({ script: (connection) => connection.mute(), act: ({ pass }) => pass(10_000) }),
    ...{ verdict: "connect-timeout", ...byNetwork, phase: "http", errorCode: "TIMEOUT" },
  },
  {
    name: "the certificate is not trusted",
    play: () => onPeer({ isSecure: true }, (peer) => playOnSockets(peer.url)),
    ...{ verdict: "tls", initiatedBy: "network", phase: "tls", isRetryable: false },
    errorCode: "DEPTH_ZERO_SELF_SIGNED_CERT",
  },
  {
    name: "the server resets during the TLS handshake",
    play: () =>
      onPeer({}, async (peer) => {
        const playing = playOnSockets(peer.url.replace("ws:", "wss:"));
        const socket = await peer.client();
        await socket.until(() => socket.receivedSize > 0);
        socket.reset();
        return playing;
      }),
    ...{ verdict: "tls", ...byNetwork, phase: "tls", errorCode: "ECONNRESET" },
  },
  {
    name: "a function for headers throws",
    play: inMemory({
      options: {
        headers: () => {
          throw new Error("no token today");
        },
      },
    }),
    ...{ verdict: "setup-failed", initiatedBy: "us", phase: "provider", isRetryable: true },
    errorCode: "CONNECT_FAILED",
  },
  {
    name: "onConnection throws",
    play: inMemory({ options: { onConnection: () => Promise.reject(new Error("not welcome")) } }),
    ...{ verdict: "setup-failed", initiatedBy: "us", phase: "setup", isRetryable: true },
    ...{ codeSent: 1000, codeReceived: 1000, errorCode: "CONNECT_FAILED" },
  },
  {
    name: "the server resets in the opening handshake",
    play: inMemory({ script: (connection) => connection.reset() }),
    ...{ verdict: "network-lost", ...byNetwork, phase: "http", errorCode: "ECONNRESET" },
  },
];

const losses: readonly Fault[] = [
  {
    name: "the connection is reset",
    play: () =>
      onPeer({}, async (peer) => {
        const playing = playOnSockets(peer.url);
        const socket = await peer.client();
        await socket.accept({ followedBy: [pingFrame()] });
        await socket.frame();
        socket.reset();
        return playing;
      }),
    ...{ verdict: "network-lost", ...byNetwork, phase: "open", errorCode: "ECONNRESET" },
  },
  {
    name: "the stream ends without a Close",
    play: inMemory({
      script: (connection) => {
        connection.accept();
        connection.end();
      },
    }),
    ...{ verdict: "network-lost", ...byNetwork, phase: "open", errorCode: "CONNECTION_LOST" },
  },
  {
    name: "the connection is reset after 30 s of silence",
    play: inMemory({
      act: async ({ server, pass }) => {
        await pass(30_000);
        server.connections[0]?.reset();
      },
    }),
    ...{ verdict: "idle-cut", ...byNetwork, phase: "open", errorCode: "ECONNRESET" },
  },
  {
    name: "the peer disappears without a Close",
    play: inMemory({
      options: { heartbeat: { interval: 1_000, timeout: 500 } },
      script: (connection) => {
        connection.accept();
        connection.halfOpen();
      },
      act: ({ pass }) => pass(1_500),
    }),
    ...{ verdict: "heartbeat-timeout", ...byNetwork, phase: "open", errorCode: "TIMEOUT" },
  },
  {
    name: "the peer reads but answers no ping",
    play: inMemory({
      options: { heartbeat: { interval: 1_000, timeout: 500 } },
      script: (connection) => {
        connection.accept();
        connection.answerPings(false);
      },
      act: ({ pass }) => pass(1_500),
    }),
    ...{ verdict: "heartbeat-timeout", ...byNetwork, phase: "open", errorCode: "TIMEOUT" },
  },
];

/** Faults of attempts and of open connections. */
export const networkFaults: readonly Fault[] = [...attempts, ...losses];
