// Prints the state and the progress of a client.

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

/** Prints the events of the connections. @param {Client} client */
export function printConnections(client) {
  client.on("connected", ({ url }) => console.log(`Connected to ${url}`));
  client.on("disconnected", ({ report }) => console.log(`Disconnected: ${report.verdict}`));
  client.on("reconnecting", ({ delayMs }) => console.log(`Dialling again in ${numbers.format(delayMs)} ms`));
  client.on("reconnected", ({ downtimeMs }) => console.log(`Back after ${numbers.format(downtimeMs)} ms`));
  client.on("gap", ({ expected, received }) =>
    console.log(`Gap: ${received} came in the place of ${expected}`),
  );
  client.on("recovered", ({ count }) => console.log(`Recovered ${numbers.format(count)} messages`));
  client.on("reset", () => console.log("What was missing did not come"));
}

/**
 * Prints one line per second.
 * @param {Client} client
 * @param {string} noun - Name of the counted items.
 * @param {() => { readonly count: number, readonly last: string }} look - Returns the number of items, and a description of the last one.
 * @returns A function that stops it.
 */
export function printProgress(client, noun, look) {
  const began = performance.now();
  let before = { time: began, count: look().count };
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
  }, 1_000);
  return () => clearInterval(timer);
}

/**
 * Prints the statistics, and how the last connection ended.
 * @param {Client} client
 * @param {readonly (readonly [name: string, value: number])[]} more - Additional counters.
 */
export function printSummary(client, more = []) {
  const stats = client.stats();
  const ratio = stats.compressionRatioReceived?.toFixed(1);
  const { latencyMs } = stats.histograms;
  const report = client.lastReport;
  const closeCodes = `Close sent: ${report?.codeSent ?? "none"}, received: ${report?.codeReceived ?? "none"}`;
  const lines = [
    ["messages", numbers.format(stats.messagesReceived)],
    ["bytes on the wire", inBytes(stats.bytesReceived)],
    ["payload", inBytes(stats.payloadBytesReceived)],
    ["compression", client.extensions === "" ? "none" : `${ratio} to 1, by ${client.extensions}`],
    [
      "ping",
      latencyMs === undefined
        ? "none answered"
        : `${latencyMs.p50.toFixed(1)} ms, ${latencyMs.count} of them`,
    ],
    ["end", `${report?.verdict}, ${closeCodes}`],
    ["reconnects", numbers.format(stats.reconnectCount)],
    ["downtime", `${(stats.downtimeMs / 1_000).toFixed(1)} s`],
    ...more.map(([name, count]) => [name, numbers.format(count)]),
  ];
  console.log();
  for (const [name, value] of lines) console.log(`${name}`.padEnd(20) + value);
}
