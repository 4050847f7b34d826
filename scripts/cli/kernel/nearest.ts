/** Number of single letters to insert, drop, replace or swap to come from one word to the other. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next[j] = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, isSwap ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

/** Up to three names that a slip of the keyboard could have turned into `given`, nearest first. */
export function nearest(given: string, names: readonly string[]): readonly string[] {
  const most = Math.max(2, Math.floor(given.length / 4));
  return [...new Set(names)]
    .map((name) => ({ name, far: name.startsWith(given) && given.length > 2 ? 1 : editDistance(given, name) }))
    .filter(({ far }) => far <= most)
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}
