/** Parses the command line of the conformance run. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

/**
 * @param {readonly string[]} given
 * @returns {{ patterns: string[], lanes: number, server: "docker" | "python" | undefined, tarball: string | undefined }}
 */
export function parseArguments(given) {
  const { values } = parseArgs({
    args: [...given],
    options: {
      cases: { type: "string", multiple: true },
      servers: { type: "string" },
      server: { type: "string" },
      tarball: { type: "string" },
    },
  });
  const { server } = values;
  if (server !== undefined && server !== "docker" && server !== "python") {
    throw new Error(`--server takes docker or python, not "${server}"`);
  }
  return {
    patterns: (values.cases ?? ["*"]).flatMap((patterns) => patterns.split(",")),
    lanes: values.servers === undefined ? Math.max(2, availableParallelism()) : laneCount(values.servers),
    server,
    tarball: values.tarball,
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
