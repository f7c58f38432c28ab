/**
 * Checks single option values, and creates the errors for wrong values. It does not know which options exist.
 */
import { ownOptions } from "../../protocol/index.js";
import { hintFor } from "./option-hints.js";

/** Longest string that an error message shows in full, in UTF-16 code units. */
const maxShownLength = 100;

/**
 * Options whose values, and the properties of whose values, may contain credentials. An error message shows only their
 * types.
 */
const secretOptions: ReadonlySet<string> = new Set(["headers", "subprotocols", "tls", "proxy"]);

/** The accepted forms of the option `headers`, as error messages describe them. */
export const headersForm: string = "an object, or pairs of name and value in an array, a Map or a Headers";

/** Returns the text that an error message shows for a value. */
export function describeValue(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > maxShownLength ? `${value.slice(0, maxShownLength)}…` : value);
  return kindOf(value);
}

/**
 * Returns the kind of a value, such as "a string". Unlike {@link describeValue}, it never shows the text of a string.
 */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

/** Returns the error for an option with a wrong value. */
export function wrongValue(name: string, expected: string, value: unknown): TypeError {
  const found = secretOptions.has(name.split(".")[0]!) ? kindOf(value) : describeValue(value);
  return new TypeError(`The option "${name}" must be ${expected}, not ${found}.`);
}

/**
 * Returns the own options of an object.
 * @throws TypeError for a value that is not an object. It also throws for an unknown name, because an ignored typo
 *   would be hard to find.
 */
export function readOptions<Options extends object>(
  scope: string,
  given: Options,
  names: readonly (keyof Options & string)[],
  expected?: string,
): Options {
  const own = ownOptions(checkObject(scope, given, expected));
  const unknown = Object.keys(own).find((name) => !names.some((known) => known === name));
  if (unknown === undefined) return own;
  const known = names.toSorted().join(", ");
  const hint = hintFor(scope, unknown, names);
  throw new TypeError(`Unknown option "${unknown}" in ${scope}.${hint} Known options: ${known}.`);
}

export function checkObject<Value extends object>(
  name: string,
  value: Value,
  expected: string = "an object",
): Value {
  if (typeof value === "object" && (value as unknown) !== null && !Array.isArray(value)) return value;
  throw wrongValue(name, expected, value);
}

export function checkFunction<Value>(name: string, value: Value): Value {
  if (value === undefined || typeof value === "function") return value;
  throw wrongValue(name, "a function", value);
}

export function checkBoolean<Default extends boolean | undefined>(
  name: string,
  value: boolean | undefined,
  defaultValue: Default,
): boolean | Default {
  if (value === undefined) return defaultValue;
  if (typeof value === "boolean") return value;
  throw wrongValue(name, "true or false", value);
}

export function checkInteger<Default extends number | undefined>(
  name: string,
  value: number | undefined,
  defaultValue: Default,
  min: number,
  max: number,
): number | Default {
  if (value === undefined) return defaultValue;
  if (typeof value !== "number") throw wrongValue(name, "a number", value);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a whole number from ${min} to ${max}, not ${value}.`);
}

/** Like {@link checkInteger}, but accepts fractions. */
export function checkNumber(
  name: string,
  value: number | undefined,
  defaultValue: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return defaultValue;
  if (typeof value !== "number") throw wrongValue(name, "a number", value);
  if (value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a number from ${min} to ${max}, not ${value}.`);
}

/** @param allowed - The allowed values. The first value is the default. */
export function checkOneOf<Value extends string>(
  name: string,
  value: Value | undefined,
  allowed: readonly [Value, ...Value[]],
): Value {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw wrongValue(name, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`, value);
}
