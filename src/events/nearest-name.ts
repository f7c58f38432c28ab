/** The known name that `name` is most likely a typo of; `undefined` where none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const given = plain(name);
  // One typo for each three letters, and at most two.
  const most = Math.min(Math.floor(given.length / 3), 2);
  let nearest: string | undefined;
  let least = most + 1;
  // A longer name is no typo, and would take long to compare.
  if (given.length > 40) return undefined;
  for (const candidate of known) {
    const distance = editDistance(given, plain(candidate));
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

/** Neither case nor separators make another name: `connect_timeout` is `connectTimeout`. */
function plain(name: string): string {
  return name.replace(/[-_\s]/g, "").toLowerCase();
}

/** The least number of insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (isSame ? 0 : 1),
        isSwap && row > 1 && column > 1 ? beforeLast[column - 2]! + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
