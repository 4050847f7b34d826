/** Numbers in Russian words: «две тысячи пятьсот», «полторы тысячи». */
const listed: Readonly<Record<string, number>> = {
  ноль: 0,
  нуль: 0,
  один: 1,
  одна: 1,
  одну: 1,
  одной: 1,
  два: 2,
  две: 2,
  двух: 2,
  три: 3,
  трех: 3,
  четыре: 4,
  четырех: 4,
  пять: 5,
  пяти: 5,
  шесть: 6,
  шести: 6,
  семь: 7,
  семи: 7,
  восемь: 8,
  восьми: 8,
  девять: 9,
  девяти: 9,
  десять: 10,
  десяти: 10,
  одиннадцать: 11,
  одиннадцати: 11,
  двенадцать: 12,
  двенадцати: 12,
  тринадцать: 13,
  четырнадцать: 14,
  пятнадцать: 15,
  шестнадцать: 16,
  семнадцать: 17,
  восемнадцать: 18,
  девятнадцать: 19,
  двадцать: 20,
  двадцати: 20,
  тридцать: 30,
  тридцати: 30,
  сорок: 40,
  сорока: 40,
  пятьдесят: 50,
  пятидесяти: 50,
  шестьдесят: 60,
  семьдесят: 70,
  восемьдесят: 80,
  девяносто: 90,
  сто: 100,
  ста: 100,
  двести: 200,
  двухсот: 200,
  триста: 300,
  трехсот: 300,
  четыреста: 400,
  четырехсот: 400,
  пятьсот: 500,
  пятисот: 500,
  шестьсот: 600,
  семьсот: 700,
  восемьсот: 800,
  девятьсот: 900,
  полторы: 1.5,
  полтора: 1.5,
  полутора: 1.5,
  пару: 2,
  zero: 0,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  fifteen: 15,
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
};
/** Only the nominative: «сот», «тысяч» and the like multiply what is before them. */
const multipliers: Readonly<Record<string, number>> = {
  тысяча: 1000,
  тысячи: 1000,
  тысяч: 1000,
  тысячу: 1000,
  тыща: 1000,
  тыщи: 1000,
  тыщу: 1000,
  тыс: 1000,
  косарь: 1000,
  косаря: 1000,
  сотен: 100,
  сотни: 100,
  hundred: 100,
  thousand: 1000,
  миллион: 1_000_000,
  миллиона: 1_000_000,
};
const names = [...Object.keys(listed), ...Object.keys(multipliers)].sort((a, b) => b.length - a.length).join('|');
const run = new RegExp(
  `(?<![\\p{L}\\d])(?:\\d+(?:[.,]\\d+)?(?:\\s*(?:тыс\\p{L}*|тыщ\\p{L}*|thousand|косар\\p{L}*)|[kк](?!\\p{L}))\\.?|(?:${names})(?![\\p{L}\\d]))(?:[\\s-]+(?:\\d{1,3}(?!\\d|[:.]\\d)|(?:${names}))(?![\\p{L}\\d]))*`,
  'giu',
);

/** Writes them in digits; the digits of words that make no single number («восемь девятьсот…») follow each other. */
export function inDigits(text: string): string {
  return text.replaceAll(run, (words) => digitsOf(words.toLowerCase().replaceAll('ё', 'е')));
}

function digitsOf(words: string): string {
  const parts = words.replace(/(\d)\s*(тыс\p{L}*|тыщ\p{L}*|thousand|k|к|косар\p{L}*)\.?/gu, '$1 тысяч').split(/[\s-]+/);
  const done: number[] = [];
  let total = 0;
  let open = 0;
  let smallest = Number.POSITIVE_INFINITY;
  const close = () => {
    if (smallest < Number.POSITIVE_INFINITY || total > 0) done.push(total + open);
    [total, open, smallest] = [0, 0, Number.POSITIVE_INFINITY];
  };
  for (const part of parts) {
    const factor = multipliers[part];
    if (factor !== undefined) {
      total += (open || 1) * factor;
      [open, smallest] = [0, factor];
      continue;
    }
    const value = listed[part] ?? Number(part.replace(',', '.'));
    const size = value >= 100 ? 100 : value >= 20 ? 10 : 1;
    if (size >= smallest) close();
    open += value;
    smallest = value === 0 || value % 1 > 0 ? 1 : value >= 10 && value < 20 ? 1 : size;
  }
  close();
  return done.join(' ');
}
