/** A process with a client that can never connect: measures its delays, stack depth and memory. */
import { createServer } from "node:net";
import { WebSocket } from "jetsocket";
import { measure } from "./measure.mjs";

const backoff = { base: 1, multiplier: 2, cap: 4, floor: 1 };
/** Attempts before the first measurement, so that code is compiled and bounded logs are full. */
const warmAttempts = 2_000;

process.on("message", (/** @type {any} */ { kind, attempts }) => {
  void fail(kind, attempts).then(
    (result) => process.send?.({ type: "failed", ...result }),
    (error) => process.send?.({ type: "failed", problems: [String(error.stack)] }),
  );
});

async function fail(kind, attempts) {
  const start = await measure();
  const url = `ws://127.0.0.1:${await closedPort()}/`;
  const provide = () => {
    throw new Error("no url today");
  };
  const ws = new WebSocket(kind === "refused" ? url : provide, { retryInitial: true, backoff });
  const seen = watch(ws);
  const connecting = ws.connect().catch((error) => error);
  await until(() => seen.attempts >= warmAttempts);
  const early = await measure();
  await until(() => seen.attempts >= attempts);
  const late = await measure();
  await ws.close();
  const error = await connecting;
  if (!(error instanceof Error)) seen.problems.push("connect() did not reject");
  const end = await measure();
  const verdict = kind === "refused" ? "refused" : "setup-failed";
  if (seen.verdicts.size !== 1 || !seen.verdicts.has(verdict)) {
    seen.problems.push(`verdicts: ${[...seen.verdicts].join(", ")}`);
  }
  if (seen.deepest - seen.shallowest > 5) seen.problems.push("the stack grew");
  return { ...seen, start, early, late, end, verdicts: undefined };
}

function watch(ws) {
  const seen = {
    attempts: 0,
    shortest: Infinity,
    longest: 0,
    shallowest: Infinity,
    deepest: 0,
    verdicts: new Set(),
    problems: /** @type {string[]} */ ([]),
  };
  // Counted by `reconnecting`, because an attempt whose URL function throws emits no `connecting`.
  ws.on("reconnecting", ({ attempt, delayMs, report }) => {
    seen.attempts++;
    if (attempt !== seen.attempts + 1 && seen.problems.length < 10) {
      seen.problems.push(`attempt ${attempt} follows number ${seen.attempts}`);
    }
    const depth = new Error().stack?.split("\n").length ?? 0;
    seen.shallowest = Math.min(seen.shallowest, depth);
    seen.deepest = Math.max(seen.deepest, depth);
    seen.shortest = Math.min(seen.shortest, delayMs);
    seen.longest = Math.max(seen.longest, delayMs);
    seen.verdicts.add(report.verdict);
    const isInside = delayMs >= backoff.floor && delayMs <= backoff.cap;
    if (!isInside && seen.problems.length < 10)
      seen.problems.push(`a wait of ${delayMs} ms is out of bounds`);
  });
  return seen;
}

async function until(isTrue) {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Returns a port without a listening server. */
function closedPort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
