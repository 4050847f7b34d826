/** Phone numbers in a transcript of Russian speech. */

import { fewest, fillers, type Group, groupAt, isBegun, type Word, wholeLength, wordsOf } from './spoken-digits.ts';

/**
 * Writes the phone numbers of a text as digits, `+79991234567`, however they are grouped: `восемь девятьсот девяносто девять…`, `плюс
 * семь…`, `два нуля`, with words and pauses between. Other numbers stay words.
 */
export function hearPhones(text: string): string {
  const words = wordsOf(text);
  let heard = '';
  let from = 0;
  for (let at = 0; at < words.length; ) {
    const found = phoneAt(words, at);
    if (found === null || found.digits.length !== wholeLength(found.digits)) {
      at += 1;
      continue;
    }
    const [first, last] = [words[at] as Word, words[found.end - 1] as Word];
    heard += `${text.slice(from, first.from)}+7${found.digits.slice(-10)}`;
    from = last.to;
    at = found.end;
  }
  return heard + text.slice(from);
}
/** Whether the text ends in the middle of a phone number. */
export function isPhoneUnderWay(text: string): boolean {
  const words = wordsOf(hearPhones(text));
  return words.some((_, at) => {
    const found = phoneAt(words, at);
    return found?.end === words.length && found.digits.length >= fewest && found.digits.length < wholeLength(found.digits);
  });
}

/**
 * The digits of a phone that begins at this word, up to its full length; null if none begins. At least one of its numbers must be in words.
 */
function phoneAt(words: readonly Word[], start: number): Group | null {
  const isPlus = /^(?:плюс|\+)$/.test(words[start]?.text ?? '');
  let digits = '';
  let end = isPlus ? start + 1 : start;
  let isSpoken = false;
  for (let at = end; digits === '' || digits.length < wholeLength(digits); ) {
    if (digits !== '' && fillers.test(words[at]?.text ?? '')) {
      at += 1;
      continue;
    }
    const group = groupAt(words, at);
    if (group === null) break;
    isSpoken ||= !/^\d/.test(words[at]?.text ?? '');
    digits += group.digits;
    [end, at] = [group.end, group.end];
  }
  const isOne = isBegun(digits) && digits.length <= wholeLength(digits) && (!isPlus || digits.startsWith('7'));
  return isSpoken && isOne ? { digits, end } : null;
}
