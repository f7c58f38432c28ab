/**
 * Suggests a known name for an unknown name, for error messages. This module recognizes typos, and synonyms from a
 * table of the caller.
 */

/**
 * Names that other libraries use, for example for events or options. Each key is the text to suggest instead of these
 * names. Each value lists the names in lower case, divided by spaces. The names contain no `-` and no `_`.
 */
export type Counterparts = Readonly<Record<string, string>>;

/** Returns the key that begins with `prefix` and whose value contains `name`. Case and separators are ignored. */
export function counterpartOf(name: string, counterparts: Counterparts, prefix = ""): string | undefined {
  const given = normalize(name);
  const keys = Object.keys(counterparts).filter((key) => key.startsWith(prefix));
  return keys.find((key) => counterparts[key]!.split(" ").includes(given));
}

/** Returns the known name that is most similar to `name`; `undefined` if no known name is similar enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const given = normalize(name);
  // A known name is similar if it differs from the given name by at most one edit per three letters, and by at most two
  // edits in total.
  const maxDistance = Math.min(Math.floor(given.length / 3), 2);
  let nearest: string | undefined;
  let shortest = maxDistance + 1;
  // No known name has more than 40 letters. A longer given name is not compared, because the comparison would be slow.
  if (given.length > 40) return undefined;
  for (const candidate of known) {
    const distance = editDistance(given, normalize(candidate));
    if (distance >= shortest) continue;
    shortest = distance;
    nearest = candidate;
  }
  return nearest;
}

/** Removes case and separators, so that `connect_timeout` equals `connectTimeout`. */
function normalize(name: string): string {
  return name.replace(/[-_\s]/g, "").toLowerCase();
}

/**
 * Returns the minimum number of edits from one word to another (optimal string alignment distance). An edit inserts,
 * deletes or replaces a letter, or swaps two adjacent letters.
 */
function editDistance(from: string, to: string): number {
  let rowBefore: number[] = [];
  let previousRow = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const currentRow = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      currentRow[column] = Math.min(
        previousRow[column]! + 1,
        currentRow[column - 1]! + 1,
        previousRow[column - 1]! + (isSame ? 0 : 1),
        isSwap && row > 1 && column > 1 ? rowBefore[column - 2]! + 1 : Infinity,
      );
    }
    rowBefore = previousRow;
    previousRow = currentRow;
  }
  return previousRow[to.length]!;
}
