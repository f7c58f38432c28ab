// Ends that the client causes itself, with the expected fields of their close reports.
import { closeFrame } from "../support/wire.js";
import { byUs, type Fault, inMemory } from "./fault.js";
import { playInMemory } from "./fault-worlds.js";

const aborting = (when: "at once" | "once it is open"): Fault["play"] => {
  return () => {
    const controller = new AbortController();
    const { signal } = controller;
    if (when === "once it is open")
      return playInMemory({ options: { signal }, act: () => controller.abort(new Error("that is enough")) });
    return playInMemory({ options: { signal }, isUnanswered: true, act: () => controller.abort() });
  };
};

/** Ends by close(), terminate(), rotate() and abort signals. */
export const ownEnds: readonly Fault[] = [
  {
    name: "close()",
    play: inMemory({ act: ({ ws }) => void ws.close() }),
    ...{ verdict: "closed-by-us", ...byUs, codeSent: 1000, codeReceived: 1000 },
  },
  {
    name: "close(4000), and the server answers with another code",
    play: inMemory({
      script: (connection) => {
        connection.accept();
        connection.mute();
        void connection.receive().catch(() => connection.write(closeFrame(4001)));
      },
      act: async ({ ws, server, pass }) => {
        void ws.close(4000, "enough");
        await pass(10);
        server.connections[0]?.end();
      },
    }),
    ...{ verdict: "closed-by-us", ...byUs, codeSent: 4000, codeReceived: 4001 },
  },
  {
    name: "close(), which the server does not answer",
    play: inMemory({
      script: (connection) => {
        connection.accept();
        connection.mute();
      },
      act: async ({ ws, pass }) => {
        void ws.close();
        await pass(5_000);
      },
    }),
    ...{ verdict: "closed-by-us", ...byUs, codeSent: 1000, errorCode: "TIMEOUT" },
  },
  {
    name: "terminate()",
    play: inMemory({ act: ({ ws }) => ws.terminate() }),
    ...{ verdict: "closed-by-us", ...byUs, phase: "open" },
  },
  {
    name: "close() during an attempt",
    play: inMemory({ isUnanswered: true, act: ({ ws }) => void ws.close() }),
    ...{ verdict: "closed-by-us", ...byUs, phase: "dns" },
  },
  {
    name: "close() while waiting for the next attempt",
    play: inMemory({
      options: { reconnect: true },
      act: async ({ ws, server, pass }) => {
        server.connections[0]?.reset();
        await pass(10);
        await ws.close();
      },
    }),
    ...{ verdict: "closed-by-us", ...byUs, phase: "provider" },
  },
  {
    name: "an abort of an open connection",
    play: aborting("once it is open"),
    ...{ verdict: "aborted", ...byUs, codeSent: 1001, codeReceived: 1001 },
  },
  {
    name: "an abort during an attempt",
    play: aborting("at once"),
    ...{ verdict: "aborted", ...byUs, phase: "dns" },
  },
  {
    name: 'rotate(), in the mode "replace"',
    play: inMemory({
      options: { reconnect: true },
      act: async ({ ws, pass }) => {
        void ws.rotate("a younger one");
        await pass(10);
      },
    }),
    ...{ verdict: "rotated", ...byUs, isRetryable: true, codeSent: 1000, codeReceived: 1000 },
  },
  {
    name: 'rotate(), in the mode "overlap"',
    play: inMemory({
      options: { reconnect: true, rotation: { mode: "overlap", overlap: 100 } },
      act: async ({ ws, pass }) => {
        void ws.rotate("a younger one");
        await pass(200);
      },
    }),
    ...{ verdict: "rotated", ...byUs, isRetryable: true, codeSent: 1000, codeReceived: 1000 },
  },
];
