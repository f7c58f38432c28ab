/**
 * The client under test, in a process of its own: `node testee.mjs URL AGENT`. It runs in the folder of the installed
 * tarball, so that "jetsocket" is the packed package. It performs the jobs that its parent sends over the IPC channel.
 */
import { WebSocket } from "jetsocket";

const PROGRESS_MS = 1_000;

const [url, agent] = process.argv.slice(2);

let lastProgress = 0;

/** Reports progress to the parent, at most once a second. */
function reportProgress() {
  const now = performance.now();
  if (now - lastProgress < PROGRESS_MS) return;
  lastProgress = now;
  process.send({ type: "progress" });
}

/**
 * Opens a connection and resolves when it has ended.
 * @param {string} path
 * @param {(ws: WebSocket, data: string | Buffer) => void} onData
 * @returns {Promise<string | undefined>} the first error, for the report
 */
async function converse(path, onData) {
  let firstError;
  const ws = new WebSocket(`${url}${path}`, { reconnect: false, heartbeat: false });
  const closed = new Promise((resolve) => ws.on("closed", resolve));
  ws.on("error", ({ error }) => {
    firstError ??= String(error?.message ?? error);
  });
  ws.on("rawMessage", ({ data }) => {
    reportProgress();
    onData(ws, data);
  });
  try {
    await ws.connect();
  } catch (error) {
    firstError ??= String(error?.message ?? error);
  }
  await closed;
  return firstError;
}

async function caseCount() {
  let answer;
  const error = await converse("/getCaseCount", (_ws, data) => {
    answer = Number(data);
  });
  return answer === undefined ? { error: error ?? "no answer" } : { value: answer };
}

/** @param {number} number */
async function runCase(number) {
  const error = await converse(`/runCase?case=${number}&agent=${agent}`, (ws, data) => {
    // An echo on a closed connection is rejected. It is ignored here, because the suite judges the result.
    ws.sendRaw(data).catch(() => {});
  });
  return { error };
}

async function updateReports() {
  return { error: await converse(`/updateReports?agent=${agent}`, () => {}) };
}

/** @param {{ type: "count" | "case" | "report", number?: number }} job */
function perform(job) {
  switch (job.type) {
    case "count":
      return caseCount();
    case "case":
      return runCase(job.number);
    case "report":
      return updateReports();
  }
}

process.on("message", async (job) => {
  process.send({ type: "done", ...(await perform(job)) });
});
process.on("disconnect", () => process.exit());
process.send({ type: "done", value: import.meta.resolve("jetsocket") });
