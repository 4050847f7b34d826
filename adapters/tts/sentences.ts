/** End of a sentence: a mark, perhaps a quote, a space, and then a capital letter or a digit. */
const end = /([^\s.!?…]*)([.!?…]+["»)]*)\s+(?=[«"(—–-]?\s?[\p{Lu}\d])/gu;
/** Abbreviations, whose dot ends no sentence; the same goes for initials and words of one or two letters. */
const shortened = new Set('руб коп мин сек обл тел стр корп доб гор тыс млн млрд просп пер наб бул бульв проф etc mrs prof'.split(' '));
/** Characters; a shorter sentence is joined with the next one. */
const shortest = 12;

/** Splits a text into sentences. Together they are the text without the space between them. */
export function sentencesIn(text: string): readonly string[] {
  const sentences: string[] = [];
  let from = 0;
  for (const found of text.matchAll(end)) {
    const [whole, word = '', mark = ''] = found;
    const to = found.index + whole.length;
    const isShortened = mark.startsWith('.') && mark.length === 1 && (/^\p{L}{1,2}$/u.test(word) || shortened.has(word.toLowerCase()));
    if (isShortened || to - from < shortest) continue;
    sentences.push(text.slice(from, to).trim());
    from = to;
  }
  const rest = text.slice(from).trim();
  return rest === '' ? sentences : [...sentences, rest];
}
