// Protects socket options from a polluted `Object.prototype`. Node copies options into ordinary objects, and reads
// missing names through the prototype.

/** The names that the language defines. */
const standardName =
  /^(?:__.*__|constructor|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|to.*String|valueOf)$/;

/**
 * Returns an object with every name that programs have added to `Object.prototype`. Each value is `undefined`, which
 * Node treats as absent. The given options replace these values.
 */
export function unsetInherited(): object {
  const names = Object.getOwnPropertyNames(Object.prototype).filter((name) => !standardName.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
