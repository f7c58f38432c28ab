/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

export function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`The option "${name}" must be ${expected}, not ${describe(value)}.`);
}

export function checkObject<Value extends object>(
  name: string,
  value: Value,
  expected: string = "an object",
): Value {
  if (typeof value === "object" && (value as unknown) !== null) return value;
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
