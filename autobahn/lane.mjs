/** A lane: one server of the suite and one testee, which run cases from the common queue one after another. */
import { TesteeProcess } from "./testee-process.mjs";

/**
 * @param {object} lane
 * @param {import("./server.mjs").Server} lane.server
 * @param {{ folder: string, file: string, entry: string }} lane.installed
 * @param {string} lane.agent
 * @param {import("./queue.mjs").CaseQueue} lane.queue
 * @param {{ idleMs: number, jobMs: number }} [lane.limits] time limits of the testee in milliseconds
 * @returns {Promise<{ taken: number, notes: Record<string, string> }>} the number of cases it ran, and the
 *   client's first error in each case, by case id
 */
export async function runLane({ server, installed, agent, queue, limits }) {
  const startTestee = () => TesteeProcess.start(installed, server.url, agent, limits);
  let testee = await startTestee();
  let taken = 0;
  /** @type {Record<string, string>} */
  const notes = {};
  try {
    await checkCount(testee, queue.total);
    for (let next = queue.take(); next !== undefined; next = queue.take()) {
      taken++;
      try {
        const { error } = await testee.ask({ type: "case", number: next.number });
        if (error !== undefined) notes[next.id] = error;
        queue.finished++;
      } catch (error) {
        queue.addUnfinished(next.id, /** @type {Error} */ (error).message);
        await testee.end();
        testee = await startTestee();
      }
      if (server.child.isOver) {
        throw new Error(`the suite's server ${await server.child.ended}\n${server.child.lastLines()}`);
      }
    }
    // The suite writes its results only on request.
    await testee.ask({ type: "report" });
  } finally {
    await testee.end();
  }
  return { taken, notes };
}

/**
 * @param {TesteeProcess} testee
 * @param {number} expected
 */
async function checkCount(testee, expected) {
  const { value, error } = await testee.ask({ type: "count" });
  if (error !== undefined) throw new Error(`the number of cases could not be read from the suite: ${error}`);
  if (value !== expected) {
    throw new Error(`the suite has ${String(value)} of these cases, and ${expected} verdicts are pinned`);
  }
}
