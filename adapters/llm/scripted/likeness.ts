/** Finds services in a sentence by stems, kindred words and spelling mistakes. */

/** Words by which customers name one thing, in both languages. */
const kin: readonly RegExp[] = [
  /^(?:(?:по|под)?стри[гчж]|haircut|hair$|trim)/,
  /^(?:(?:по|пере)?кра[сш]|окра[сш]|colou?r|dye)/,
  /^(?:маник|ногт|manicur|nail)/,
  /^(?:педик|pedicur)/,
  /^(?:массаж|massag)/,
  /^(?:бров|eyebrow|brow)/,
  /^(?:ресни|lash|eyelash)/,
  /^(?:уклад|style$|styling|blow)/,
  /^(?:бород|beard)/,
  /^(?:эпил|депил|waxing|epilat)/,
  /^(?:мужс|мужч|мужик|men)/,
  /^(?:женс|женщ|women|lad(?:y|ies))/,
  /^(?:детс|ребен|сын|доч|kid|child)/,
];

export const wordsIn = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replaceAll('ё', 'е')
    .match(/\p{L}{3,}/gu) ?? [];

/** Two words mean the same: one stem, kindred, or a spelling mistake apart. */
export function isLike(one: string, two: string): boolean {
  if (one === two) return true;
  if (kin.some((each) => each.test(one) && each.test(two))) return true;
  const shorter = Math.min(one.length, two.length);
  if (shorter < 4) return false;
  const common = prefixOf(one, two);
  if (common >= 4 && common >= shorter - 3 && Math.abs(one.length - two.length) <= 3) return true;
  return shorter >= 5 && distance(one, two) <= (shorter >= 8 ? 2 : 1);
}
function prefixOf(one: string, two: string): number {
  let at = 0;
  while (at < one.length && one[at] === two[at]) at++;
  return at;
}
/** Damerau–Levenshtein distance of neighbours, for short words. */
function distance(one: string, two: string): number {
  const rows: number[][] = [Array.from({ length: two.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= two.length; j++) {
      const same = one[i - 1] === two[j - 1] ? 0 : 1;
      let best = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1]) best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[one.length]?.[two.length] ?? 0;
}

interface Named {
  readonly service: string;
  readonly name: string;
}
export interface Found<T> {
  readonly clear: readonly T[];
  /** Services that one word fits equally well. */
  readonly unclear: readonly (readonly T[])[];
}
/** The services that a sentence names. */
export function servicesIn<T extends Named>(text: string, services: readonly T[]): Found<T> {
  const said = wordsIn(text.slice(0, 500)).slice(0, 60);
  const scored = services.map((service) => {
    const names = wordsIn(service.name);
    const hits = names.map((name) => said.filter((word) => isLike(word, name)));
    const matched = hits.filter((words) => words.length > 0).length;
    return { service, words: new Set(hits.flat()), score: matched + matched / Math.max(1, names.length) };
  });
  const clear = new Map<string, T>();
  const unclear = new Map<string, readonly T[]>();
  for (const word of said) {
    const fitting = scored.filter(({ words }) => words.has(word));
    const best = Math.max(...fitting.map(({ score }) => score));
    const top = fitting.filter(({ score }) => score === best).map(({ service }) => service);
    const [only] = top;
    if (top.length === 1 && only) clear.set(only.service, only);
    if (top.length > 1) unclear.set(top.map(({ service }) => service).join(' '), top);
  }
  const isSettled = (group: readonly T[]) => group.some(({ service }) => clear.has(service));
  return { clear: [...clear.values()], unclear: [...unclear.values()].filter((group) => !isSettled(group)) };
}
