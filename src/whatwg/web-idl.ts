// The conversions and the shape of interfaces that Web IDL requires. This module does not know the members of an
// interface.

/** @throws TypeError if a call has fewer arguments than its interface requires. */
export function requireArgument(given: ArrayLike<unknown>, call: string): void {
  if (given.length === 0) throw new TypeError(`${call} requires an argument.`);
}

/** Converts a value to a string. @throws TypeError for a symbol. */
export function toDomString(value: unknown): string {
  // Unlike `String()`, this method does not accept a symbol.
  return "".concat(value as string);
}

/** Converts a value to a string in which each unpaired surrogate is replaced by U+FFFD. */
export function toUsvString(value: unknown): string {
  return Buffer.from(toDomString(value)).toString();
}

/**
 * Converts a value to an unsigned short with `[Clamp]`: NaN becomes 0, and a half is rounded to the even number.
 *
 * @throws TypeError for a symbol and for a bigint.
 */
export function toClampedShort(value: unknown): number {
  const number = value as number;
  // `Math.round()` converts the value, and throws for a bigint, as Web IDL requires.
  const rounded = Math.round(number);
  const even = Math.abs(number % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
  return Math.min(Math.max(even, 0), 0xffff) || 0;
}

/** Converts a value to an unsigned short modulo 65,536. @throws TypeError for a symbol and for a bigint. */
export function toShort(value: unknown): number {
  return (value as number) & 0xffff;
}

/** Converts the value of an event handler attribute: everything that is not an object becomes `null`. */
export function toHandler(value: unknown): object | null {
  return typeof value === "function" || typeof value === "object" ? value : null;
}

/** The values of `readyState`, by the names of the constants. */
export const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** The value of `readyState`: one of the constants `CONNECTING`, `OPEN`, `CLOSING` and `CLOSED`. */
export type ReadyState = (typeof states)[keyof typeof states];

/**
 * Gives a class the shape of a Web IDL interface: its name, enumerable members, the tag for `toString()`, and constants
 * on the class and on its instances.
 */
export function exposeInterface(type: { readonly prototype: object }, name: string, constants: object): void {
  const { prototype } = type;
  const descriptors = Object.getOwnPropertyDescriptors(prototype);
  for (const [member, descriptor] of Object.entries(descriptors))
    if (member !== "constructor")
      Object.defineProperty(prototype, member, { ...descriptor, enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  // A bundler may have renamed the class.
  Object.defineProperty(type, "name", { value: name, configurable: true });
  for (const [constant, value] of Object.entries(constants))
    for (const target of [type, prototype])
      Object.defineProperty(target, constant, { value: value as unknown, enumerable: true });
}
