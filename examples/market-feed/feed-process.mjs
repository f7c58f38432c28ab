// Starts the market feed server as a child process.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * Starts the market feed in its own process, and returns its URL.
 * @param {readonly string[]} words - Additional command line arguments.
 */
export async function startFeed(words = []) {
  const child = fork(fileURLToPath(new URL("server.mjs", import.meta.url)), words);
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The embedded market feed ended before it listened (exit code ${code}).`);
  });
  // After the start, the client notices the end of the process.
  died.catch(() => {});
  const [{ url }] = await Promise.race([once(child, "message"), died]);
  const stop = () => child.connected && child.disconnect();
  return { url: /** @type {string} */ (url), stop };
}
