/**
 * Checks the options of method calls such as `send()` and `recv()`. This module does not check the data of a call.
 */
import { describeValue } from "./checks.js";
import { hintFor } from "./option-hints.js";

// Each list contains the names of the options of a method. The object that `onConnection` receives also has methods
// such as `send()`. These methods have the same options as the methods of the client.
export const waitNames: readonly string[] = ["signal", "timeout"];
export const recvNames: readonly string[] = [...waitNames, "match"];
export const sendNames: readonly string[] = [...waitNames, "compress"];
export const rawNames: readonly string[] = [...sendNames, "binary"];
export const pingNames: readonly string[] = [...waitNames, "payload"];

/** For each option: its check, and the text that describes the expected value in an error message. */
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
 * Reads and checks the options of a call. Each option is read only once, because a getter could return another value,
 * or throw, at a second read. The result has all options as own properties, so that no option is inherited.
 *
 * @param names - The options that the call accepts.
 * @throws TypeError for a value that is not an object, and for an unknown or invalid option. An error of a getter or of
 *   a Proxy is thrown too.
 */
export function readCallOptions<Options extends object>(
  given: Options | undefined,
  names: readonly string[],
): Options | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || (given as unknown) === null) {
    throw new TypeError(`The options of a call must be an object, not ${describeValue(given)}.`);
  }
  const options: Record<string, unknown> = {
    signal: undefined,
    timeout: undefined,
    compress: undefined,
    binary: undefined,
    payload: undefined,
    match: undefined,
    borrowed: undefined,
  };
  for (const name of Object.keys(given)) {
    const value: unknown = given[name as keyof Options];
    if (value === undefined) continue;
    if (!names.includes(name)) {
      const hint = hintFor("a call", name, names);
      throw new TypeError(`Unknown option "${name}" of a call.${hint} Known options: ${names.join(", ")}.`);
    }
    const [isRight, expected] = checks[name]!;
    if (!isRight(value)) {
      throw new TypeError(`The option "${name}" of a call must be ${expected}, not ${describeValue(value)}.`);
    }
    options[name] = value;
  }
  return options as Options;
}
