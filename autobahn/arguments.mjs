/** Parses the command line of the conformance run. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

const ENTRIES = /** @type {const} */ (["jetsocket", "whatwg", "ws"]);

/** @typedef {typeof ENTRIES[number]} Entry the main entry of the package, or one of its drop-in classes */

/**
 * @typedef {object} RunArguments
 * @property {string[]} patterns
 * @property {number} lanes
 * @property {"docker" | "python" | undefined} server
 * @property {string | undefined} tarball
 * @property {Entry} entry
 */

/**
 * @param {readonly string[]} given
 * @returns {RunArguments}
 */
export function parseArguments(given) {
  const { values } = parseArgs({
    args: [...given],
    options: {
      cases: { type: "string", multiple: true },
      servers: { type: "string" },
      server: { type: "string" },
      tarball: { type: "string" },
      entry: { type: "string", default: "jetsocket" },
    },
  });
  const { server } = values;
  if (server !== undefined && server !== "docker" && server !== "python") {
    throw new Error(`--server takes docker or python, not "${server}"`);
  }
  const entry = ENTRIES.find((name) => name === values.entry);
  if (entry === undefined) throw new Error(`--entry takes ${ENTRIES.join(" or ")}, not "${values.entry}"`);
  return {
    patterns: (values.cases ?? ["*"]).flatMap((patterns) => patterns.split(",")),
    lanes: values.servers === undefined ? Math.max(2, availableParallelism()) : laneCount(values.servers),
    server,
    tarball: values.tarball,
    entry,
  };
}

/** @param {string} text */
function laneCount(text) {
  const lanes = Number(text);
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > 16) {
    throw new Error(`--servers takes a number from 1 to 16, not "${text}"`);
  }
  return lanes;
}
