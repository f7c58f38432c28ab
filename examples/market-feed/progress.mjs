/** @typedef {import("jetsocket").WebSocket<any, any>} Client */

const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const kibibyte = 1024;

/** @param {number} size */
function inBytes(size) {
  if (size < kibibyte) return `${size} B`;
  return size < kibibyte ** 2
    ? `${(size / kibibyte).toFixed(1)} KiB`
    : `${(size / kibibyte ** 2).toFixed(1)} MiB`;
}

/**
 * Prints a line a second.
 * @param {Client} client
 * @param {string} noun - What is counted.
 * @param {() => { readonly count: number, readonly last: string }} look - How many came, and what to say of the last.
 * @returns What ends it.
 */
export function printProgress(client, noun, look) {
  const began = performance.now();
  let before = { time: began, count: look().count };
  // Nobody needs to await a ping: its round trip stands in the statistics, and the event `error` tells of a failure.
  void client.ping();
  const timer = setInterval(() => {
    const time = performance.now();
    const { count, last } = look();
    const { latencyMs } = client.stats();
    const rate = (count - before.count) / ((time - before.time) / 1_000);
    before = { time, count };
    const columns = [
      `${Math.round((time - began) / 1_000)} s`,
      `${numbers.format(count)} ${noun}`,
      `${numbers.format(rate)}/s`,
      `ping ${latencyMs === undefined ? "not answered" : `${latencyMs.toFixed(1)} ms`}`,
      last,
    ];
    console.log(columns.join("  "));
    void client.ping();
  }, 1_000);
  return () => clearInterval(timer);
}

/**
 * Prints what `stats()` says, and how the connection ended.
 * @param {Client} client
 */
export function printSummary(client) {
  const { messagesReceived, bytesReceived, payloadBytesReceived } = client.stats();
  const ratio = (payloadBytesReceived / Math.max(bytesReceived, 1)).toFixed(1);
  const report = client.lastReport;
  const lines = [
    ["messages", numbers.format(messagesReceived)],
    ["bytes on the wire", inBytes(bytesReceived)],
    ["payload", inBytes(payloadBytesReceived)],
    ["compression", client.extensions === "" ? "none" : `${ratio} to 1, by ${client.extensions}`],
    ["open for", `${((report?.ageMs ?? 0) / 1_000).toFixed(1)} s`],
    [
      "end",
      `${report?.verdict}, Close sent: ${report?.codeSent ?? "none"}, received: ${report?.codeReceived ?? "none"}`,
    ],
  ];
  console.log();
  for (const [name, value] of lines) console.log(`${name}`.padEnd(20) + value);
}
