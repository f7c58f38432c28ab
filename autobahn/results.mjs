/** What the suite wrote about each case: one JSON file a case, as it came. */
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Gathers the result files of a lane.
 * @param {string} resultFolder
 * @param {string} caseFolder
 * @returns {Promise<number>} how many there are
 */
export async function gatherResults(resultFolder, caseFolder) {
  const names = (await readdir(resultFolder)).filter((name) => /_case_[\d_]+\.json$/.test(name));
  for (const name of names) await copyFile(join(resultFolder, name), join(caseFolder, name));
  return names.length;
}

/**
 * The suite's name for the result file of a case.
 * @param {string} agent
 * @param {string} id
 */
export function resultFile(agent, id) {
  return `${agent}_case_${id.replaceAll(".", "_")}.json`;
}

/**
 * The results of the given cases. One whose file is missing, damaged or about something else has none.
 * @param {string} caseFolder
 * @param {string} agent
 * @param {readonly string[]} ids
 * @returns {Promise<Map<string, import("./verdicts.mjs").Result>>}
 */
export async function readResults(caseFolder, agent, ids) {
  const results = new Map();
  for (const id of ids) {
    const found = await readResult(join(caseFolder, resultFile(agent, id)));
    if (found?.id === id && found.agent === agent) results.set(id, found);
  }
  return results;
}

/** @param {string} file */
async function readResult(file) {
  try {
    const { id, agent, behavior, behaviorClose, result, resultClose, remoteCloseCode, duration } = JSON.parse(
      await readFile(file, "utf8"),
    );
    return { id, agent, behavior, behaviorClose, result, resultClose, remoteCloseCode, duration };
  } catch {
    return undefined;
  }
}
