// The number of cases of random and endurance tests. By default they run a part of their cases, so that
// `npm test` stays short; with TEST_CASES=all in the environment they run all of them.
import { env } from "node:process";

const choice = env["TEST_CASES"] ?? "some";
if (choice !== "all" && choice !== "some") {
  throw new RangeError(`TEST_CASES is ${JSON.stringify(choice)}; set it to "all", or leave it unset.`);
}

/** True when all cases run. */
export const runsAll: boolean = choice === "all";

const share = 10;
const fewest = 10;

/** `all`, or by default a tenth of it and not less than 10, unless `all` itself is less. */
export function cases(all: number): number {
  return runsAll ? all : Math.max(Math.ceil(all / share), Math.min(all, fewest));
}
