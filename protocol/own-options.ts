// Copies option objects so that inherited properties are ignored. It does not validate options.

/**
 * Returns a copy with the own enumerable properties of `options` that are not `undefined`. The copy has no prototype,
 * so that properties added to `Object.prototype` are not read as options.
 */
export function ownOptions<Options extends object>(options: Options): Options {
  const own = Object.create(null) as Options;
  for (const name of Object.keys(options) as (keyof Options)[]) {
    const value = options[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}
