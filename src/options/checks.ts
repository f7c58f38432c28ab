/**
 * Checks option values and objects of options, and creates the errors for wrong values. This module does not know which
 * options exist.
 */
import { ownOptions } from "../../protocol/index.js";
import { hintFor } from "./option-hints.js";

const maxInteger = Number.MAX_SAFE_INTEGER;

/** Checks the value of the option `name`. Returns the value, or the default of the option for `undefined`. */
export type Check<Value> = (name: string, value: never) => Value;

/** The check of each option in an object of options. */
export type Checks<Resolved> = { readonly [Name in keyof Resolved]-?: Check<Resolved[Name]> };

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
  names: readonly string[],
  expected?: string,
): Options {
  const own = ownOptions(checkObject(scope, given, expected));
  const unknown = Object.keys(own).find((name) => !names.includes(name));
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

export function checkSignal(name: string, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw wrongValue(name, "an AbortSignal", signal);
}

export function boolean<Default extends boolean | undefined>(
  defaultValue: Default,
): (name: string, value: boolean | undefined) => boolean | Default {
  return (name, value) => {
    if (value === undefined) return defaultValue;
    if (typeof value === "boolean") return value;
    throw wrongValue(name, "true or false", value);
  };
}

/** @param isRight - Whether a number between the bounds is allowed. `kind` describes such a number. */
export function number<Default extends number | undefined>(
  defaultValue: Default,
  min: number,
  max: number,
  kind: string = "a number",
  isRight: (value: number) => boolean = Number.isFinite,
): (name: string, value: number | undefined) => number | Default {
  return (name, value) => {
    if (value === undefined) return defaultValue;
    if (typeof value !== "number") throw wrongValue(name, "a number", value);
    if (isRight(value) && value >= min && value <= max) return value;
    throw new RangeError(`The option "${name}" must be ${kind} from ${min} to ${max}, not ${value}.`);
  };
}

export function integer<Default extends number | undefined>(
  defaultValue: Default,
  min: number,
  max: number = maxInteger,
): (name: string, value: number | undefined) => number | Default {
  return number(defaultValue, min, max, "a whole number", Number.isInteger);
}

/** @param allowed - The allowed values. The first value is the default. */
export function oneOf<Value extends string>(
  ...allowed: readonly [Value, ...Value[]]
): (name: string, value: Value | undefined) => Value {
  return (name, value = allowed[0]) => {
    if (allowed.includes(value)) return value;
    throw wrongValue(name, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`, value);
  };
}

/**
 * Returns the check of an option that is an object of options. The default is one frozen object for all clients.
 * @param expected - The accepted forms, for error messages.
 * @param numberName - The option that a number stands for.
 */
export function group<Resolved extends object>(
  checks: Checks<Resolved>,
  expected?: string,
  numberName?: keyof Resolved,
): (name: string, given: object | number | undefined) => Resolved {
  let defaults: Resolved | undefined;
  return (name, given) => {
    if (given === undefined) return (defaults ??= Object.freeze(checkAll({}, checks, name)));
    const isNumber = typeof given === "number" && numberName !== undefined;
    const options = (isNumber ? { [numberName]: given } : given) as Record<string, unknown>;
    return checkAll(readOptions(name, options, Object.keys(checks), expected), checks, name);
  };
}

function checkAll<Resolved extends object>(
  given: Readonly<Record<string, unknown>>,
  checks: Checks<Resolved>,
  scope: string,
): Resolved {
  const values = Object.entries<Check<unknown>>(checks).map(
    ([name, check]) => [name, check(`${scope}.${name}`, given[name] as never)] as const,
  );
  return Object.fromEntries(values) as Resolved;
}
