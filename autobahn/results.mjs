/** Reads the result files of the suite, one JSON file per case. It does not judge them. */
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Copies the result files of a lane into the report.
 * @param {string} resultFolder
 * @param {string} caseFolder
 * @returns {Promise<number>} the number of files
 */
export async function gatherResults(resultFolder, caseFolder) {
  const names = (await readdir(resultFolder)).filter((name) => /_case_[\d_]+\.json$/.test(name));
  for (const name of names) await copyFile(join(resultFolder, name), join(caseFolder, name));
  return names.length;
}

/**
 * Returns the suite's file name for the result of a case.
 * @param {string} agent
 * @param {string} id
 */
export function resultFile(agent, id) {
  return `${agent}_case_${id.replaceAll(".", "_")}.json`;
}

/**
 * Returns the results of the given cases. A case has no result if its file is missing, damaged or of another case.
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
