/**
 * Checks the names of the options of the test kit, not their values.
 */
import { ownOptions } from "../../protocol/index.js";

/**
 * Returns the own options of an object. Unknown names are refused, because a misspelled option would have no effect.
 * @throws TypeError for a value that is not an object, and for an unknown name.
 */
export function checkOptions<Options extends object>(options: Options, names: readonly string[]): Options {
  const given: unknown = options;
  if (typeof given !== "object" || given === null)
    throw new TypeError(`The options must be an object, not ${given === null ? "null" : typeof given}.`);
  const own = ownOptions(options);
  const unknown = Object.keys(own).find((name) => !names.includes(name));
  if (unknown === undefined) return own;
  throw new TypeError(`Unknown option "${unknown}". Known options: ${names.join(", ")}.`);
}
