// The number of cases of random and endurance tests. TEST_CASES in the environment chooses it: `all` of them, as CI runs
// them once; `some`, a tenth, the default, so that `npm test` stays short; `few`, a hundredth, for a run that looks at
// something else than the cases.
import { env } from "node:process";

/** One case in so many runs. */
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

/** The part of `all` that runs: not less than 10, unless `all` itself is less. */
export function cases(all: number): number {
  return Math.max(Math.ceil(all / divisor), Math.min(all, fewest));
}
