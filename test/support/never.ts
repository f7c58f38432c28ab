// Pending promises for hooks that hang, and a sender whose calls stay pending.
import { afterEach } from "vitest";
import type { SetupConnection } from "../../src/options/options.js";

const releases: (() => void)[] = [];

/** A promise that does not settle during its test. It resolves after the test, so that nothing stays pending. */
export function never<Value>(): Promise<Value> {
  return new Promise((resolve) => releases.push(resolve as () => void));
}

/** The sending half of the connection of a hook. Its calls do not settle during the test. */
export const pendingSender: Omit<SetupConnection<unknown, unknown>, "recv" | "ended"> = {
  ...{ url: "ws://feed.test/", subprotocol: "chat", extensions: "" },
  send: () => never(),
  sendRaw: () => never(),
  ping: () => never(),
};

afterEach(() => {
  for (const release of releases.splice(0)) release();
});
