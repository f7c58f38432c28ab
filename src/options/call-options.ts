/**
 * Checks the options of method calls such as `send()` and `recv()`. It does not check the data that a call sends.
 */
import { ownOptions } from "../../protocol/index.js";
import { describeValue } from "./checks.js";
import { hintFor } from "./option-hints.js";

/** The check of each option, and the expected value as error messages describe it. */
const checks: Readonly<Record<string, readonly [isRight: (value: unknown) => boolean, expected: string]>> = {
  signal: [(value) => value instanceof AbortSignal, "an AbortSignal"],
  timeout: [(value) => typeof value === "number" && value >= 0, "milliseconds from 0 on"],
  compress: [(value) => typeof value === "boolean", "true or false"],
  borrowed: [(value) => typeof value === "boolean", "true or false"],
  binary: [(value) => typeof value === "boolean", "true or false"],
  match: [(value) => typeof value === "function", "a function"],
  // The payload is checked when it is converted to bytes.
  payload: [() => true, "bytes"],
};

/**
 * Returns an error for the first wrong option of a call, or `undefined` if all are valid.
 * @param names - The options that the call accepts.
 */
export function findWrongOption(options: unknown, names: readonly string[]): TypeError | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) {
    return new TypeError(`The options of a call must be an object, not ${describeValue(options)}.`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!names.includes(name)) {
      const hint = hintFor("a call", name, names);
      return new TypeError(`Unknown option "${name}" of a call.${hint} Known options: ${names.join(", ")}.`);
    }
    const [isRight, expected] = checks[name]!;
    if (!isRight(value)) {
      return new TypeError(
        `The option "${name}" of a call must be ${expected}, not ${describeValue(value)}.`,
      );
    }
  }
  return undefined;
}

/**
 * Returns the options of a call without inherited properties; the same object if it inherits none of `names`.
 * @param names - The options that the call accepts.
 */
export function ownCallOptions<Options extends object>(
  options: Options | undefined,
  names: readonly string[],
): Options | undefined {
  if (typeof options !== "object" || (options as unknown) === null) return options;
  for (const name of names) if (name in options && !Object.hasOwn(options, name)) return ownOptions(options);
  return options;
}
