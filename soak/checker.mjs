/** The checker process: reads the journals of both sides and reports lost, duplicate and unordered messages. */
import { readFile } from "node:fs/promises";
import { checkStream, deduplicate, unreportedLosses, parseJournal } from "./journal.mjs";

process.on("message", (request) => {
  check(/** @type {any} */ (request)).then(
    (result) => process.send?.({ type: "checked", ...result }),
    (error) => process.send?.({ type: "checked", problems: [String(error)], line: "the checker failed" }),
  );
});

/**
 * @param {object} request
 * @param {string} request.down - The client's journal.
 * @param {string} request.up - The server's journal.
 * @param {number} request.downLast
 * @param {number} request.upLast
 * @param {"acknowledged" | "unacknowledged" | "rotation"} request.kind
 * @param {import("./journal.mjs").LinkEnd[]} [request.ends]
 */
async function check({ down, up, downLast, upLast, kind, ends = [] }) {
  const problems = [];
  const received = parseJournal(await readFile(down, "utf8"));
  const taken = parseJournal(await readFile(up, "utf8"));
  const downFaults = checkStream(received.numbers, downLast);
  const isAcknowledged = kind === "acknowledged";
  const upNumbers = isAcknowledged ? deduplicate(taken.numbers) : taken.numbers;
  const upFaults = checkStream(upNumbers, upLast);
  const unreported = kind === "unacknowledged" ? unreportedLosses(upFaults.lost, ends) : upFaults.lost;

  addProblem(problems, "down", { ...downFaults, lost: downFaults.lost.length, broken: received.broken });
  // During a rotation the server reads two connections, so their messages may arrive out of order.
  const outOfOrder = kind === "rotation" ? 0 : upFaults.outOfOrder;
  addProblem(problems, "up", { ...upFaults, outOfOrder, lost: unreported.length, broken: taken.broken });
  if (unreported.length > 0) problems.push(`up: lost and not reported: ${unreported.slice(0, 10)}`);

  const repeats = taken.numbers.length - upNumbers.length;
  const uncertain = ends.reduce((sum, end) => sum + end.uncertain, 0);
  const unsent = ends.reduce((sum, end) => sum + end.unsent, 0);
  const upLost =
    kind === "unacknowledged"
      ? `lost ${upFaults.lost.length}, all but ${unreported.length} among the ${uncertain} uncertain (${unsent} were unsent)`
      : `lost ${unreported.length}`;
  return {
    problems,
    line:
      `down ${downLast}: lost ${downFaults.lost.length}, duplicated ${downFaults.duplicated}, out of order ${downFaults.outOfOrder}; ` +
      `up ${upLast}: ${upLost}, duplicated ${upFaults.duplicated}, out of order ${upFaults.outOfOrder}` +
      (isAcknowledged ? ` (${repeats} repeats removed by their ids)` : ""),
  };
}

/**
 * @param {string[]} problems
 * @param {string} direction
 * @param {Record<string, any>} faults
 */
function addProblem(problems, direction, { first, ...counts }) {
  const wrong = Object.entries(counts).filter(([, count]) => count > 0);
  if (wrong.length === 0) return;
  problems.push(
    `${direction}: ${wrong.map(([name, count]) => `${name} ${count}`).join(", ")}; first: ${first}`,
  );
}
