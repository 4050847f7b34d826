/** Transliterates Russian typed in Latin letters: `skolko stoit` becomes «сколко стоит». */

const pairs: readonly (readonly [latin: string, cyrillic: string])[] = [
  ['shch', 'щ'],
  ['sch', 'щ'],
  ['zh', 'ж'],
  ['kh', 'х'],
  ['ts', 'ц'],
  ['ch', 'ч'],
  ['sh', 'ш'],
  ['yu', 'ю'],
  ['ju', 'ю'],
  ['ya', 'я'],
  ['ja', 'я'],
  ['yo', 'е'],
  ['jo', 'е'],
  ['ye', 'е'],
  ['ay', 'ай'],
  ['ey', 'ей'],
  ['iy', 'ий'],
  ['oy', 'ой'],
  ['uy', 'уй'],
  ['yy', 'ый'],
  ...[...'abvgdezijklmnoprstufhcywxq'].map(
    (latin, index) =>
      [
        latin,
        ['а', 'б', 'в', 'г', 'д', 'е', 'з', 'и', 'й', 'к', 'л', 'м', 'н', 'о', 'п', 'р', 'с', 'т', 'у', 'ф', 'х', 'к', 'ы', 'в', 'кс', 'к'][
          index
        ] ?? '',
      ] as const,
  ),
  ["'", 'ь'],
];
const cyrillic = new Map(pairs);
const latin = new RegExp(pairs.map(([from]) => from).join('|'), 'g');

/** @param text In lower case. Cyrillic letters are unchanged. */
export const cyrillicOf = (text: string): string => text.replace(latin, (found) => cyrillic.get(found) ?? found);
