/** A query or form body as PHP reads it: a plus is a space, brackets nest, `a[]` appends. */
export function parsePhpQuery(query: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const path = [...name.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map(([whole, inner]) => inner ?? whole);
    let at = root;
    for (const [nth, part] of path.entries()) {
      const key = part === '' ? String(Object.keys(at).length) : part;
      if (nth === path.length - 1) at[key] = value;
      else {
        at[key] ??= {};
        at = at[key] as Record<string, unknown>; // Created on the line above, or by an earlier name of the same shape.
      }
    }
  }
  return root;
}

/** An array of PHP as `json_encode` writes it: a list if the keys are 0, 1, 2, …, also when there are none. */
export function phpArray(entries: Iterable<readonly [string | number, unknown]>): readonly unknown[] | Readonly<Record<string, unknown>> {
  const all = [...entries];
  return all.every(([key], nth) => String(key) === String(nth)) ? all.map(([, value]) => value) : Object.fromEntries(all);
}
