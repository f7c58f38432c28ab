// Decides how many cases random and endurance tests run. The environment variable TEST_CASES selects `all` (CI
// runs it once), `some` (a tenth, the default, so that `npm test` stays short) or `few` (a hundredth).
import { env } from "node:process";

/** The divisor of the number of cases for each value of TEST_CASES. */
const shares: Readonly<Record<string, number>> = { all: 1, some: 10, few: 100 };
const fewest = 10;

const choice = env["TEST_CASES"] ?? "some";
const share = Object.hasOwn(shares, choice) ? shares[choice]! : undefined;
if (share === undefined) {
  const names = Object.keys(shares).join(", ");
  throw new RangeError(
    `TEST_CASES is ${JSON.stringify(choice)}; set it to one of ${names}, or leave it unset.`,
  );
}
const divisor = share;

/** True when all cases run. */
export const runsAll: boolean = choice === "all";

/**
 * The number of steps of one case: a quarter of `all` if only a few cases run. They run with the detection of leaks,
 * which makes each step slow.
 */
export function steps(all: number): number {
  return choice === "few" ? Math.ceil(all / 4) : all;
}

/** The number of cases to run out of `all`: at least 10, unless `all` itself is smaller. */
export function cases(all: number): number {
  return Math.max(Math.ceil(all / divisor), Math.min(all, fewest));
}
