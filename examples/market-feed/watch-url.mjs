// Receives messages from any server, and prints their rate.
import { WebSocket } from "jetsocket";
import { printConnections, printProgress, printSummary } from "./progress.mjs";

const shownLength = 60;

/**
 * Prints the message rate of a server until `seconds` have passed or Ctrl-C is pressed. It reconnects after a loss.
 * @param {string} url
 * @param {{ readonly seconds: number, readonly send: string | undefined }} options
 */
export async function watchUrl(url, { seconds, send }) {
  /** @type {WebSocket<string | Buffer, string>} */
  const client = new WebSocket(url, {
    deserializer: (data) => data,
    heartbeat: 1_000,
    onConnection: (connection) => (send === undefined ? undefined : connection.send(send)),
  });
  printConnections(client);
  await client.connect();

  let last = "";
  const stopProgress = printProgress(client, "messages", () => ({
    count: client.stats().messagesReceived,
    last,
  }));
  const close = () => void client.close();
  const timer = setTimeout(close, seconds * 1_000);
  process.once("SIGINT", close).once("SIGTERM", close);
  console.log(`Listening for ${seconds} s; Ctrl-C ends it`);
  try {
    for await (const message of client) last = shown(message);
  } finally {
    stopProgress();
    clearTimeout(timer);
    process.off("SIGINT", close).off("SIGTERM", close);
    printSummary(client);
  }
}

/** @param {string | Buffer} message */
function shown(message) {
  if (typeof message !== "string") return `${message.length} bytes`;
  return message.length > shownLength ? `${message.slice(0, shownLength)}…` : message;
}
