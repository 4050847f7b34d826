/** The spoken form of a Russian text: numbers, dates, phones and abbreviations in words. */
import { addresses } from './addresses.ts';
import { amounts } from './amounts.ts';
import type { Rule } from './context.ts';
import { dates } from './dates.ts';
import { phones } from './phones.ts';

/** A part of a text and its spoken form. */
export interface SaidPart {
  readonly written: string;
  readonly said: string;
}
const rules: readonly Rule[] = [...phones, ...dates, ...addresses, ...amounts];
/** Characters around a form that are examined for its case. */
const aroundLength = 40;
const isPartOfWord = /[\p{L}\p{N}]/u;
/** Where a form may begin; other characters are skipped. */
const beginsForm = /[\d+$€₽№−а-яА-ЯЁё-]/;

/** Splits the text into parts spoken as written and parts spoken in words. */
export function sayParts(text: string): readonly SaidPart[] {
  const parts: SaidPart[] = [];
  let plainFrom = 0;
  for (let at = 0; at < text.length; ) {
    const found = isInWord(text, at) || !beginsForm.test(text[at] ?? '') ? null : formAt(text, at);
    if (found === null) {
      at += 1;
      continue;
    }
    if (at > plainFrom) parts.push(asWritten(text.slice(plainFrom, at)));
    const end = at + found.length;
    parts.push({ written: text.slice(at, end), said: found.said });
    [at, plainFrom] = [end, end];
  }
  if (plainFrom < text.length) parts.push(asWritten(text.slice(plainFrom)));
  return parts;
}
const asWritten = (written: string): SaidPart => ({ written, said: written });

/** The text in words: `в 14:30` → `в четырнадцать тридцать`. */
export const sayRussian = (text: string): string =>
  sayParts(text)
    .map(({ said }) => said)
    .join('');

const isInWord = (text: string, at: number): boolean =>
  isPartOfWord.test(text[at - 1] ?? '') || (/\d/.test(text[at] ?? '') && /\d[.,:]$/.test(text.slice(Math.max(0, at - 2), at)));

function formAt(text: string, at: number): { readonly said: string; readonly length: number } | null {
  for (const { pattern, say } of rules) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) continue;
    const [whole, ...groups] = found;
    const end = at + whole.length;
    const context = { before: text.slice(Math.max(0, at - aroundLength), at), after: text.slice(end, end + aroundLength) };
    const said = say(
      groups.map((group) => group ?? ''),
      context,
    );
    if (said !== null) return { said, length: whole.length };
  }
  return null;
}

/**
 * The part of a text heard after a share of its speech: whole words, and a written form only if all of it was spoken.
 * @param share of the spoken letters, 0 to 1
 */
export function heardOf(parts: readonly SaidPart[], share: number): string {
  const whole = parts.map(({ written }) => written).join('');
  if (share >= 1) return whole;
  let left = Math.floor(parts.reduce((sum, { said }) => sum + said.length, 0) * share);
  let letters = 0;
  for (const { written, said } of parts) {
    if (left < said.length) {
      if (written === said) letters += left;
      break;
    }
    left -= said.length;
    letters += written.length;
  }
  const cut = whole.slice(0, letters);
  return /\s/.test(whole[letters] ?? ' ') ? cut.trimEnd() : cut.slice(0, Math.max(0, cut.search(/\s+\S*$/)));
}
