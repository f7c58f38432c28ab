/** The checker, a process of its own: reads the journals of both sides and tells what is wrong with them. */
import { readFile } from "node:fs/promises";
import { checkStream, deduplicate, lostUntold, parseJournal } from "./journal.mjs";

process.on("message", (request) => {
  check(/** @type {any} */ (request)).then(
    (result) => process.send?.({ tell: "checked", ...result }),
    (error) => process.send?.({ tell: "checked", problems: [String(error)], line: "the checker failed" }),
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
  const untold = kind === "unacknowledged" ? lostUntold(upFaults.lost, ends) : upFaults.lost;

  tell(problems, "down", { ...downFaults, lost: downFaults.lost.length, broken: received.broken });
  // Two links of a rotation are read by the server in an order of its own.
  const outOfOrder = kind === "rotation" ? 0 : upFaults.outOfOrder;
  tell(problems, "up", { ...upFaults, outOfOrder, lost: untold.length, broken: taken.broken });
  if (untold.length > 0) problems.push(`up: lost and not told: ${untold.slice(0, 10)}`);

  const repeats = taken.numbers.length - upNumbers.length;
  const uncertain = ends.reduce((sum, end) => sum + end.uncertain, 0);
  const unsent = ends.reduce((sum, end) => sum + end.unsent, 0);
  const upLost =
    kind === "unacknowledged"
      ? `lost ${upFaults.lost.length}, all but ${untold.length} among the ${uncertain} uncertain (${unsent} were unsent)`
      : `lost ${untold.length}`;
  return {
    problems,
    line:
      `down ${downLast}: lost ${downFaults.lost.length}, doubled ${downFaults.doubled}, out of order ${downFaults.outOfOrder}; ` +
      `up ${upLast}: ${upLost}, doubled ${upFaults.doubled}, out of order ${upFaults.outOfOrder}` +
      (isAcknowledged ? ` (${repeats} repeats removed by their ids)` : ""),
  };
}

/**
 * @param {string[]} problems
 * @param {string} direction
 * @param {Record<string, any>} faults
 */
function tell(problems, direction, { first, ...counts }) {
  const wrong = Object.entries(counts).filter(([, count]) => count > 0);
  if (wrong.length === 0) return;
  problems.push(
    `${direction}: ${wrong.map(([name, count]) => `${name} ${count}`).join(", ")}; first: ${first}`,
  );
}
