/**
 * Checks of single option values, and the errors that they throw. It does not know which options exist.
 */
import { hintFor } from "./option-hints.js";

/** Longest string that an error message shows in full, in UTF-16 code units. */
const maxShownLength = 100;

/** Options whose values may contain credentials: an error message shows only the type of the value. */
const secretOptions: ReadonlySet<string> = new Set(["headers", "subprotocols", "tls", "proxy"]);

/** The accepted forms of the option `headers`, as error messages describe them. */
export const headersForm: string = "an object, or pairs of name and value in an array, a Map or a Headers";

/** Returns a value as error messages show it. */
export function describeValue(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > maxShownLength ? `${value.slice(0, maxShownLength)}…` : value);
  return kindOf(value);
}

/** Returns the kind of a value; unlike {@link describeValue}, it never shows the text of a string. */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

/** Returns the error for an option with a wrong value. */
export function wrongValue(name: string, expected: string, value: unknown): TypeError {
  const found = secretOptions.has(name) ? kindOf(value) : describeValue(value);
  return new TypeError(`The option "${name}" must be ${expected}, not ${found}.`);
}

/** @throws TypeError for an unknown option name: an ignored typo would be hard to find. */
export function checkNames(scope: string, options: object, names: ReadonlySet<string>): void {
  for (const name in options) {
    if (names.has(name) || !Object.hasOwn(options, name)) continue;
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    const known = [...names].sort().join(", ");
    throw new TypeError(
      `Unknown option "${name}" in ${scope}.${hintFor(scope, name, names)} Known options: ${known}.`,
    );
  }
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

export function checkOneOf<Value extends string>(
  name: string,
  value: Value | undefined,
  defaultValue: Value,
  others: readonly Value[],
): Value {
  if (value === undefined) return defaultValue;
  const allowed = [defaultValue, ...others];
  if (allowed.includes(value)) return value;
  throw wrongValue(name, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`, value);
}
