import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * Starts the market feed in a process of its own, and gives its url.
 * @param {readonly string[]} words - What it is to do besides.
 */
export async function startFeed(words = []) {
  const child = fork(fileURLToPath(new URL("server.mjs", import.meta.url)), words);
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The embedded market feed ended before it listened (exit code ${code}).`);
  });
  // Later on the client sees it for itself.
  died.catch(() => {});
  const [{ url }] = await Promise.race([once(child, "message"), died]);
  const stop = () => child.connected && child.disconnect();
  return { url: /** @type {string} */ (url), stop };
}
