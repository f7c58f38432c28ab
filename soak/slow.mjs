/**
 * A consumer that is much slower than its server: memory must not grow, the server must be blocked, no message may be
 * lost, and neither side may treat the other as dead.
 */
import { Child } from "./child.mjs";

const mebibyte = 1024 * 1024;
/** Least number of bytes that the server offers. */
const offered = 500 * mebibyte;

/** @type {{ name: string, size: number, kind: "text" | "binary" | "compressed", mostGrowth: number }[]} */
const cases = [
  { name: "100 B", size: 100, kind: "text", mostGrowth: 16 * mebibyte },
  { name: "16 KiB", size: 16 * 1024, kind: "text", mostGrowth: 16 * mebibyte },
  { name: "1 MiB", size: mebibyte, kind: "binary", mostGrowth: 32 * mebibyte },
  { name: "100:1", size: 16 * 1024, kind: "compressed", mostGrowth: 16 * mebibyte },
];

/**
 * @param {{ seconds: number, only?: string | undefined }} options
 * @returns {Promise<boolean>}
 */
export async function runSlow({ seconds, only }) {
  const chosen = cases.filter(({ name }) => only === undefined || name === only);
  const runs = chosen.map((one) => runCase(one, seconds));
  if (only === undefined || only === "sender") runs.push(runSender(seconds));
  if (runs.length === 0) {
    const names = [...cases.map(({ name }) => name), "sender"].map((name) => `"${name}"`);
    throw new Error(`--only takes ${names.join(", ")}, not "${only}"`);
  }
  const results = await Promise.all(runs);
  return results.every(Boolean);
}

async function runCase({ name, size, kind, mostGrowth }, seconds) {
  const server = new Child("slow-server.mjs");
  // The consumer must not be able to read everything in the time of the run.
  const least = Math.max(offered, (seconds + 10) * 10 * size * 1.5);
  // Compressed 100:1, 500 MB are only 5 MB on the wire, which fit into kernel buffers. Blocking the server needs more.
  const total = kind === "compressed" ? 5 * least : least;
  const { port } = await server.ask({ do: "start", size, kind, total }, "listening", 20_000);
  const consumer = new Child("slow-consumer.mjs");
  const result = await consumer.ask(
    { do: "consume", port, kind, seconds },
    "consumed",
    (seconds + 60) * 1_000,
  );
  const state = await server.ask({ do: "state" }, "state", 10_000);
  await Promise.all([consumer.end(), server.end()]);

  const problems = [...result.problems];
  if (result.growth > mostGrowth) problems.push(`RSS grew by ${inMebibytes(result.growth)}`);
  if (state.taken >= total) problems.push("the server was not blocked");
  if (state.blockedMs < 1_000 * seconds * 0.5)
    problems.push(`the server was blocked for ${state.blockedMs} ms only`);
  if (result.pauses === 0) problems.push("reading was never paused");
  report(
    `slow, ${name}`,
    problems,
    `${result.consumed} consumed in ${result.seconds} s of ${inMebibytes(total)} offered, ` +
      `RSS ${inMebibytes(result.baseline)} with at most ${inMebibytes(result.growth)} more, ` +
      `server: ${inMebibytes(state.taken)} written, blocked for ${Math.round(state.blockedMs / 1_000)} s, ` +
      `pauses ${result.pauses}, pongs ${result.pongs}`,
  );
  return problems.length === 0;
}

/** Runs a client that only sends, with a server that sends 20,000 messages per second. */
async function runSender(seconds) {
  const server = new Child("slow-server.mjs");
  const order = { do: "start", size: 1_000, kind: "text", perSecond: 20_000 };
  const { port } = await server.ask(order, "listening", 20_000);
  const client = new Child("slow-consumer.mjs");
  const working = client.ask({ do: "send", port, seconds }, "sent", (seconds + 60) * 1_000);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  server.send({ do: "close", code: 4001 });
  const result = await working;
  const state = await server.ask({ do: "state" }, "state", 10_000);
  await Promise.all([client.end(), server.end()]);

  const problems = [...result.problems];
  if (result.pauses > 0) problems.push(`reading was paused ${result.pauses} times`);
  if (result.messagesReceived < seconds * 2_000)
    problems.push(`only ${result.messagesReceived} messages were received`);
  if (result.pongs < seconds * 0.5) problems.push(`only ${result.pongs} pongs were received`);
  if (result.codeReceived !== 4001) problems.push(`Close 4001 was received as ${result.codeReceived}`);
  if (state.received !== result.sent) problems.push(`${state.received} of ${result.sent} messages arrived`);
  report(
    "slow, only sends",
    problems,
    `${result.sent} sent, ${result.messagesReceived} received, pauses ${result.pauses}, pongs ${result.pongs}, Close ${result.codeReceived}`,
  );
  return problems.length === 0;
}

function report(name, problems, line) {
  for (const problem of problems) console.error(`  ${name}: ${problem}`);
  console.log(`${name}: ${problems.length === 0 ? "passed" : "FAILED"}: ${line}`);
}

function inMebibytes(bytes) {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}
