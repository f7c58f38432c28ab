// Copies option objects without their inherited properties. This module does not validate options.

/**
 * Returns a copy with the own enumerable properties of `options` that are not `undefined`. The copy has no prototype,
 * so that a property of `Object.prototype` is not read as an option.
 */
export function ownOptions<Options extends object>(options: Options): Options {
  const own = Object.create(null) as Options;
  for (const name of Object.keys(options) as (keyof Options)[]) {
    const value = options[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}
