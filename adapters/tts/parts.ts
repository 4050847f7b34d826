/** Ends of sentences, clauses and words, each with the following space. */
const ends = [/[.!?…]+["»)]*\s+|\n+/gu, /[,;:—–][\s]+|\s[—–-]\s/gu, /\s+/gu] as const;

/**
 * Splits a text into as few parts as fit the provider's limit: between sentences; a longer sentence between clauses, a longer clause
 * between words, a longer word anywhere. Together the parts are the text without the space between them.
 * @param most characters in a part
 */
export function partsOf(text: string, most: number, level = 0): readonly string[] {
  const trimmed = text.trim();
  if (trimmed.length <= most) return trimmed === '' ? [] : [trimmed];
  const end = ends[level];
  if (end === undefined) return trimmed.match(new RegExp(`.{1,${most}}`, 'gsu')) ?? [];
  const parts: string[] = [];
  for (const piece of splitAfter(trimmed, end).flatMap((each) => partsOf(each, most, level + 1))) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + 1 + piece.length <= most) parts[parts.length - 1] = `${last} ${piece}`;
    else parts.push(piece);
  }
  return parts;
}

function splitAfter(text: string, end: RegExp): readonly string[] {
  const cuts = [...text.matchAll(end)].map((found) => found.index + found[0].length);
  return [0, ...cuts].map((from, nth) => text.slice(from, cuts[nth]));
}
