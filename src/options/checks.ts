import { hintFor } from "./option-hints.js";

/** The longest string that a message shows whole. */
const maxShownLength = 100;

/** What these were given may hold credentials: a message tells its type alone. */
const secretOptions: ReadonlySet<string> = new Set(["headers", "subprotocols", "tls", "proxy"]);

/** What the option `headers` may be, and a function that gives it. */
export const headersForm: string = "an object, or pairs of name and value in an array, a Map or a Headers";

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > maxShownLength ? `${value.slice(0, maxShownLength)}…` : value);
  return kindOf(value);
}

/** As {@link describe}, for a string that may be a secret. */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

export function wrong(name: string, expected: string, value: unknown): TypeError {
  const found = secretOptions.has(name) ? kindOf(value) : describe(value);
  return new TypeError(`The option "${name}" must be ${expected}, not ${found}.`);
}

/** An unknown name is an error, for a silent typo costs an evening. */
export function checkNames(where: string, options: object, names: ReadonlySet<string>): void {
  for (const name in options) {
    if (names.has(name) || !Object.hasOwn(options, name)) continue;
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    const known = [...names].sort().join(", ");
    throw new TypeError(
      `Unknown option "${name}" in ${where}.${hintFor(where, name, names)} Known are: ${known}.`,
    );
  }
}

export function checkObject<Value extends object>(
  name: string,
  value: Value,
  expected: string = "an object",
): Value {
  if (typeof value === "object" && (value as unknown) !== null && !Array.isArray(value)) return value;
  throw wrong(name, expected, value);
}

export function checkFunction<Value>(name: string, value: Value): Value {
  if (value === undefined || typeof value === "function") return value;
  throw wrong(name, "a function", value);
}

export function checkBoolean<Default extends boolean | undefined>(
  name: string,
  value: boolean | undefined,
  byDefault: Default,
): boolean | Default {
  if (value === undefined) return byDefault;
  if (typeof value === "boolean") return value;
  throw wrong(name, "true or false", value);
}

export function checkInteger<Default extends number | undefined>(
  name: string,
  value: number | undefined,
  byDefault: Default,
  min: number,
  max: number,
): number | Default {
  if (value === undefined) return byDefault;
  if (typeof value !== "number") throw wrong(name, "a number", value);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a whole number from ${min} to ${max}, not ${value}.`);
}

/** As {@link checkInteger}, with fractions. */
export function checkNumber(
  name: string,
  value: number | undefined,
  byDefault: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return byDefault;
  if (typeof value !== "number") throw wrong(name, "a number", value);
  if (value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a number from ${min} to ${max}, not ${value}.`);
}

export function checkOneOf<Value extends string>(
  name: string,
  value: Value | undefined,
  byDefault: Value,
  others: readonly Value[],
): Value {
  if (value === undefined) return byDefault;
  const allowed = [byDefault, ...others];
  if (allowed.includes(value)) return value;
  throw wrong(name, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`, value);
}
