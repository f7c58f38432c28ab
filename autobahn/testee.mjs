/**
 * The client under test, in a process of its own: `node testee.mjs URL AGENT ENTRY`. It runs in the folder of the
 * installed tarball, so that "jetsocket" is the packed package. It performs the jobs that its parent sends over the
 * IPC channel.
 */
import { clients } from "./testee-clients.mjs";

const PROGRESS_MS = 1_000;

const [url, agent, entry] = process.argv.slice(2);

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
 * @param {import("./testee-clients.mjs").OnData} onData
 * @returns {Promise<string | undefined>} the first error, for the report
 */
function converse(path, onData) {
  return clients[entry](`${url}${path}`, (data, send) => {
    reportProgress();
    onData(data, send);
  });
}

async function caseCount() {
  let answer;
  const error = await converse("/getCaseCount", (data) => {
    answer = Number(data);
  });
  return answer === undefined ? { error: error ?? "no answer" } : { value: answer };
}

/** @param {number} number */
async function runCase(number) {
  const error = await converse(`/runCase?case=${number}&agent=${agent}`, (data, send) => send(data));
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
