/** Case ids and the patterns that select them, by the suite's own rule. */

/**
 * Orders ids as the suite numbers them: by their parts, as numbers.
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
 * The suite's rule: with a `*` the pattern is a prefix in which `*` stands for anything; without one it is an id.
 * @param {string} id
 * @param {string} pattern
 */
export function matchesPattern(id, pattern) {
  if (!pattern.includes("*")) return id === pattern;
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}`).test(id);
}

/**
 * The ids that at least one pattern selects, in the suite's order, which is the order of its case numbers.
 * @param {readonly string[]} ids
 * @param {readonly string[]} patterns
 * @returns {string[]}
 * @throws {Error} on a pattern that is malformed or selects nothing
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
