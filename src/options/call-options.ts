/**
 * Checks the options of method calls such as `send()` and `recv()`. This module does not check the data of a call.
 */
import { boolean, type Check, checkFunction, checkSignal, describeValue, wrongValue } from "./checks.js";
import { hintFor } from "./option-hints.js";

// Each list contains the names of the options of a method. The object that `onConnection` receives also has methods
// such as `send()`. These methods have the same options as the methods of the client.
export const waitNames: readonly string[] = ["signal", "timeout"];
export const recvNames: readonly string[] = [...waitNames, "match"];
export const sendNames: readonly string[] = [...waitNames, "compress"];
export const rawNames: readonly string[] = [...sendNames, "binary"];
export const pingNames: readonly string[] = [...waitNames, "payload"];

const checks: Readonly<Record<string, Check<unknown>>> = {
  signal: checkSignal,
  timeout: checkTimeout,
  compress: boolean(undefined),
  borrowed: boolean(undefined),
  binary: boolean(undefined),
  match: checkFunction,
  // The payload is checked when it is converted to bytes.
  payload: (_name, value) => value,
};

function checkTimeout(name: string, value: unknown): unknown {
  if (typeof value === "number" && value >= 0) return value;
  throw wrongValue(name, "milliseconds from 0 on", value);
}

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
    options[name] = checks[name]!(name, value as never);
  }
  return options as Options;
}
