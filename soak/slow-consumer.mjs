/** A process with a client that reads ten messages per second, or only sends. */
import { WebSocket } from "jetsocket";

const perSecond = 10;
/** The memory baseline is taken after this many messages or milliseconds. */
const baselineAfter = { count: 1_000, ms: 5_000 };

const options = {
  messageTimeout: 5_000,
  // An unexpected end must be visible, so the client does not reconnect.
  reconnect: false,
};

const quick = { interval: 1_000, timeout: 1_000 };
/**
 * A blocked `ws` server that sends small messages closes its socket after about 61 s if it receives a ping every
 * second. A plain socket that stops reading shows the same, so the client is not the cause.
 */
const slow = { interval: 30_000, timeout: 1_000 };
const heartbeats = { text: slow, binary: quick, compressed: slow };

function watch(ws) {
  const seen = { pauses: 0, pongs: 0, dropped: 0, problems: /** @type {string[]} */ ([]) };
  ws.on("paused", () => seen.pauses++);
  ws.on("pong", () => seen.pongs++);
  ws.on("error", ({ error }) => seen.problems.push(`error: ${error.message}`));
  ws.on("dropped", () => seen.dropped++);
  return seen;
}

async function consume({ port, kind, seconds }) {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { ...options, heartbeat: heartbeats[kind] });
  const seen = watch(ws);
  ws.on("disconnected", ({ report }) => {
    if (!isDone) seen.problems.push(`the connection ended: ${report.verdict}: ${report.advice}`);
  });
  let isDone = false;
  await ws.connect();
  const memory = new MemoryWatch();
  const began = performance.now();
  let consumed = 0;
  for await (const message of ws) {
    consumed++;
    const number = kind === "binary" ? /** @type {Buffer} */ (message).readUInt32BE(0) : message.seq;
    if (number !== consumed && seen.problems.length < 10)
      seen.problems.push(`message ${number} arrived as number ${consumed}`);
    if (performance.now() - began > (seconds + baselineAfter.ms / 1_000) * 1_000) break;
    const waitMs = began + (consumed * 1_000) / perSecond - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)));
    memory.sample(consumed, performance.now() - began);
  }
  isDone = true;
  if (seen.dropped > 0) seen.problems.push(`${seen.dropped} messages were dropped`);
  ws.terminate();
  const { baseline, most } = memory;
  const took = Math.round((performance.now() - began) / 1_000);
  if (took < seconds) seen.problems.push(`the run ended after ${took} s`);
  return { ...seen, consumed, seconds: took, baseline, growth: most - baseline };
}

class MemoryWatch {
  baseline = 0;
  most = 0;

  sample(count, ms) {
    const rss = process.memoryUsage.rss();
    if (this.baseline === 0) {
      if (count < baselineAfter.count && ms < baselineAfter.ms) return;
      this.baseline = rss;
    }
    this.most = Math.max(this.most, rss);
  }
}

async function send({ port, seconds }) {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { ...options, heartbeat: quick });
  const seen = watch(ws);
  const closed = new Promise((resolve) => ws.on("closed", ({ report }) => resolve(report)));
  await ws.connect();
  let sent = 0;
  const timer = setInterval(() => {
    sent++;
    ws.send({ id: sent }).catch(() => sent--);
  }, 10);
  ws.on("closing", () => clearInterval(timer));
  const report = await closed;
  clearInterval(timer);
  const { messagesReceived } = ws.stats();
  const problems = seen.problems.filter(
    (problem) => !problem.startsWith("dropped") && !problem.includes("4001"),
  );
  return { ...seen, problems, sent, messagesReceived, codeReceived: report.codeReceived, seconds };
}

process.on("message", (/** @type {any} */ order) => {
  const work = order.do === "consume" ? consume(order) : send(order);
  const type = order.do === "consume" ? "consumed" : "sent";
  work.then(
    (result) => process.send?.({ type, ...result }),
    (error) => process.send?.({ type, problems: [String(error.stack)] }),
  );
});
process.on("disconnect", () => process.exit());
