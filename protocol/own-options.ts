/**
 * A copy of the options that a user gave: own enumerable properties only, and none that is `undefined`. It has no
 * prototype, so that a property that something adds to `Object.prototype` is not read as an option.
 */
export function ownOptions<Options extends object>(options: Options): Options {
  const own = Object.create(null) as Options;
  for (const name of Object.keys(options) as (keyof Options)[]) {
    const value = options[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}
