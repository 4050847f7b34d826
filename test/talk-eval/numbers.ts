/** Converts digits to groups as dictated in Russian, and back. */
const units = ['ноль', 'один', 'два', 'три', 'четыре', 'пять', 'шесть', 'семь', 'восемь', 'девять'];
const teens = [
  'десять',
  'одиннадцать',
  'двенадцать',
  'тринадцать',
  'четырнадцать',
  'пятнадцать',
  'шестнадцать',
  'семнадцать',
  'восемнадцать',
];
const tens = ['', '', 'двадцать', 'тридцать', 'сорок', 'пятьдесят', 'шестьдесят', 'семьдесят', 'восемьдесят', 'девяносто'];
const hundreds = ['', 'сто', 'двести', 'триста', 'четыреста', 'пятьсот', 'шестьсот', 'семьсот', 'восемьсот', 'девятьсот'];

const allTeens = [...teens, 'девятнадцать'];
/** @param digits one to three; leading zeros are said one by one */
function spokenGroup(digits: string): string {
  const zeros = /^0*/.exec(digits)?.[0].length ?? 0;
  const rest = Number(digits.slice(zeros) || '0');
  const said = rest === 0 ? [] : [hundreds[Math.floor(rest / 100)], ...below(rest % 100)];
  return [...Array(zeros).fill('ноль'), ...said].filter((word) => word).join(' ');
}
function below(number: number): readonly (string | undefined)[] {
  if (number === 0) return [];
  if (number >= 10 && number < 20) return [allTeens[number - 10]];
  return [tens[Math.floor(number / 10)], number % 10 === 0 ? undefined : units[number % 10]];
}
const choose = (random: () => number, from: number, to: number): number => from + Math.floor(random() * (to - from));
/** Only a few groups, since each must be synthesized by a slow voice. */
const codes = ['903', '912', '916', '921', '999'];
const threes = ['120', '237', '345', '482', '555', '604', '718', '891'];
const pairs = ['05', '11', '16', '20', '24', '37', '43', '56', '68', '72', '89', '94'];
const pick = (random: () => number, list: readonly string[]): string => list[choose(random, 0, list.length)] as string;

export const phoneGroups = (random: () => number): readonly string[] => [
  '8',
  pick(random, codes),
  pick(random, threes),
  pick(random, pairs),
  pick(random, pairs),
];
export const numberGroups = (random: () => number): readonly string[] =>
  Array.from({ length: choose(random, 3, 5) }, () => pick(random, pairs));
export const spokenGroups = (groups: readonly string[]): string => groups.map(spokenGroup).join(' … ');
export const everyGroup = ['8', ...codes, ...threes, ...pairs].map(spokenGroup);

/** The digits spelled by words, group by group. */
export function digitsOf(text: string): string {
  let digits = '';
  let held: { value: number; size: number } | null = null;
  const flush = (): void => {
    if (held !== null) digits += String(held.value);
    held = null;
  };
  for (const word of text.toLowerCase().split(/[^\p{L}]+/u)) {
    const [h, t, teen, u] = [hundreds, tens, allTeens, units].map((list) => list.indexOf(word)) as [number, number, number, number];
    const [value, size] = h > 0 ? [h * 100, 3] : t > 0 ? [t * 10, 2] : teen >= 0 ? [10 + teen, 2] : u >= 0 ? [u, 1] : [null, 0];
    if (value === null) continue;
    if (word === 'ноль') {
      flush();
      digits += '0';
      continue;
    }
    const before: { value: number; size: number } | null = held;
    if (before === null || size >= before.size) flush();
    held = { value: value + ((held as { value: number } | null)?.value ?? 0), size };
    if (size === 1 || teen >= 0) flush();
  }
  flush();
  return digits;
}
