/** Order of Autobahn case ids, and the patterns that select them (same rules as in the suite). */

/**
 * Compares ids in the suite's order: part by part, as numbers.
 * @param {string} left
 * @param {string} right
 */
export function compareCases(left, right) {
  const a = left.split(".").map(Number);
  const b = right.split(".").map(Number);
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? -1) - (b[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The suite's rule: a pattern with `*` is a prefix in which `*` matches any characters; a pattern without `*` is an id.
 * @param {string} id
 * @param {string} pattern
 */
export function matchesPattern(id, pattern) {
  if (!pattern.includes("*")) return id === pattern;
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}`).test(id);
}

/**
 * Returns the ids that match at least one pattern, in the order of the suite's case numbers.
 * @param {readonly string[]} ids
 * @param {readonly string[]} patterns
 * @returns {string[]}
 * @throws {Error} if a pattern is malformed or matches no id
 */
export function selectCases(ids, patterns) {
  for (const pattern of patterns) {
    if (!/^[\d.*]+$/.test(pattern)) {
      throw new Error(`"${pattern}" is not a case pattern: write '6.*' or 6.4.1`);
    }
    if (!ids.some((id) => matchesPattern(id, pattern))) {
      throw new Error(`no case matches "${pattern}"`);
    }
  }
  return ids.filter((id) => patterns.some((pattern) => matchesPattern(id, pattern))).sort(compareCases);
}
