// Protects socket options from a polluted `Object.prototype`. Node copies options into ordinary objects, and reads
// missing names through the prototype.

/**
 * Returns an object with every name that programs have added to `Object.prototype`. Each value is `undefined`, which
 * Node treats as absent. The given options replace these values.
 */
export function unsetInherited(): object {
  return Object.fromEntries(Object.keys(Object.prototype).map((name) => [name, undefined]));
}
