/** A phone number that a customer dictates in several utterances, with pauses of any length and corrections: `нет, сорок шесть`. */
import { fewest, fillers, groupAt, isBegun, type Word, wholeLength, wordsOf } from './spoken-digits.ts';

export interface Dictation {
  /** The number so far, in groups as they were said: `8`, `916`, `123`. */
  readonly groups: readonly string[];
  /** `excess`: more digits than a phone has. */
  readonly is: 'open' | 'whole' | 'excess';
  /** Words of the utterance before and after the number, without those that belong to dictation. */
  readonly before: string;
  readonly after: string;
}
export interface DictatedSoFar {
  /** Groups of earlier utterances; empty: the number begins here. */
  readonly groups: readonly string[];
  /** The customer was asked for the number, or for the rest of it. */
  readonly isExpected: boolean;
}
interface Token {
  readonly is: 'group' | 'correction' | 'not' | 'but' | 'restart' | 'filler' | 'other';
  readonly digits: string;
  /** Indexes of the first word, and of the one after the last. */
  readonly from: number;
  readonly to: number;
}

const corrections = /^(?:нет|неправильно|неверно|точнее|вернее|ошиб\p{L}+|исправ\p{L}+|поправ\p{L}+|последн\p{L}+)$/u;
const restarts = /^(?:сначала|заново|повторяю|повторю)$/;
const hesitations =
  /^(?:да|ага|угу|и|вот|ой|это|мой|номер|телефон|плюс|запис\p{L}+|пиш\p{L}+|сейчас|секунд\p{L}+|минут\p{L}+|момент|подожд\p{L}+|прост\p{L}+|извин\p{L}+|пожалуйста|спасибо|все|цифр\p{L}+|диктую|слушайте|\+)$/u;
const units = /^(?:секунд|минут|момент)/;
const announces = /(?<!\p{L})(?:номер|телефон)/iu;
/** Another subject may stand beside so many digits of a number that goes on. */
const fewestOfRest = 3;

export const digitsOf = (groups: readonly string[]): string => groups.join('');
/** In E.164; for a whole number. */
export const phoneOf = (groups: readonly string[]): string => `+7${digitsOf(groups).slice(-10)}`;

/** Adds an utterance to a number; null if it says nothing of one. */
export function dictated(text: string, { groups, isExpected }: DictatedSoFar): Dictation | null {
  const words = wordsOf(text);
  const tokens = tokensOf(words);
  if (!tokens.some(({ is }) => is === 'group')) return null;
  return groups.length === 0 ? begun(text, words, tokens, isExpected) : continued(text, words, tokens, { groups, isExpected });
}

function begun(text: string, words: readonly Word[], tokens: readonly Token[], isExpected: boolean): Dictation | null {
  const isAnnounced = isExpected || announces.test(text);
  for (const [at, { is, from }] of tokens.entries()) {
    if (is !== 'group') continue;
    const rest = tokens.slice(at);
    const spoken = spokenIn(rest, []);
    const digits = digitsOf(spoken.groups);
    const isWhole = digits.length === wholeLength(digits);
    const isPure = tokens.every(({ is }) => is !== 'other');
    const mayBegin = isExpected
      ? isLikelyBegun(digits, spoken.groups)
      : isBegun(digits) && (isWhole || isAnnounced || /^[78][3489]/.test(digits));
    // A number that goes on is the last that was said.
    const isOpen = digits.length < wholeLength(digits) && !spoken.endsInOther && (digits.length >= fewest || (isExpected && isPure));
    if (!mayBegin || (!isWhole && !isOpen)) continue;
    return {
      groups: spoken.groups,
      is: isWhole ? 'whole' : 'open',
      before: text.slice(0, startOf(words, from)).trim(),
      after: textAfter(text, words, rest, spoken.count),
    };
  }
  return null;
}
/** A customer who was asked for a phone may also begin with the code of a town. */
const isLikelyBegun = (digits: string, [first = '']: readonly string[]): boolean =>
  /^[789]/.test(digits) || (/^[348]/.test(digits) && first.length === 3);
const startOf = (words: readonly Word[], at: number): number => {
  const before = words[at - 1];
  const isPlus = before !== undefined && /^(?:плюс|\+)$/.test(before.text);
  return (isPlus ? before : words[at])?.from ?? 0;
};

function continued(
  text: string,
  words: readonly Word[],
  tokens: readonly Token[],
  { groups, isExpected }: DictatedSoFar,
): Dictation | null {
  const first = tokens.findIndex(({ is }) => is !== 'filler' && is !== 'other' && is !== 'but');
  const rest = tokens.slice(first);
  const isCorrection = rest.some(({ is }) => is === 'correction' || is === 'not' || is === 'restart');
  const wasWhole = digitsOf(groups).length === wholeLength(digitsOf(groups));
  if (wasWhole && !isCorrection) return null;
  const spoken = spokenIn(rest, groups);
  const digits = digitsOf(spoken.groups);
  const whole = wholeLength(digits);
  const isPure = tokens.every(({ is }) => is !== 'other');
  const saidNow = rest.slice(0, spoken.count).reduce((sum, token) => sum + token.digits.length, 0);
  const isClear = isExpected && (isPure || saidNow >= fewestOfRest);
  if (digits.length !== whole && (wasWhole || !isClear)) return null;
  return {
    groups: spoken.groups,
    is: digits.length === whole ? 'whole' : digits.length < whole ? 'open' : 'excess',
    before: tokens.slice(0, first).some(({ is }) => is === 'other') ? text.slice(0, words[rest[0]?.from ?? 0]?.from).trim() : '',
    after: textAfter(text, words, rest, spoken.count),
  };
}

/** Words that are no dictation, behind it. */
function textAfter(text: string, words: readonly Word[], tokens: readonly Token[], count: number): string {
  const later = tokens.slice(count);
  return later.some(({ is }) => is === 'other') ? text.slice(words[later[0]?.from ?? 0]?.from).trim() : '';
}

interface Spoken {
  readonly groups: readonly string[];
  /** Tokens that belong to the number. */
  readonly count: number;
  /** Words that are no dictation follow. */
  readonly endsInOther: boolean;
}
function spokenIn(tokens: readonly Token[], before: readonly string[]): Spoken {
  let groups = before;
  let count = 0;
  for (let at = 0; at < tokens.length; ) {
    const { is } = tokens[at] as Token;
    const isFull = groups.length > 0 && digitsOf(groups).length === wholeLength(digitsOf(groups));
    const next = tokens.slice(at + 1).findIndex((token) => token.is !== 'filler') + at + 1;
    const changes = (is === 'correction' || is === 'not') && next > at && tokens[next]?.is === 'group';
    if (is === 'other' || (isFull && is === 'group')) {
      if (is === 'group' && tokens[at - 1]?.is !== 'other') groups = [...groups, ...runAt(tokens, at).groups];
      if (before.length === 0 || isFull || !tokens.slice(at).some((token) => token.is === 'group')) break;
      at += 1;
    } else if (is === 'restart') {
      groups = [];
      at += 1;
    } else if (is === 'group' || changes) {
      const run = runAt(tokens, is === 'group' ? at : next);
      const but = tokens.slice(run.end).findIndex((token) => token.is !== 'filler') + run.end;
      const isExchange = is === 'not' && tokens[but]?.is === 'but' && tokens[but + 1]?.is === 'group';
      const right = isExchange ? runAt(tokens, but + 1) : run;
      groups = isExchange
        ? exchanged(groups, run.groups, right.groups)
        : is === 'group'
          ? appended(groups, run.groups)
          : corrected(groups, run.groups);
      at = right.end;
      count = right.end;
    } else at += 1;
  }
  return { groups, count, endsInOther: tokens.slice(count).some(({ is }) => is === 'other') };
}
function runAt(tokens: readonly Token[], start: number): { readonly groups: readonly string[]; readonly end: number } {
  const groups: string[] = [];
  let end = start;
  for (let at = start; ; at += 1) {
    const token = tokens[at];
    if (token?.is !== 'group' && token?.is !== 'filler') return { groups, end };
    if (token.is === 'group') {
      if (digitsOf(groups).length > 0 && digitsOf(groups).length === wholeLength(digitsOf(groups))) return { groups, end };
      groups.push(token.digits);
      end = at + 1;
    }
  }
}

const isExcessive = (groups: readonly string[]): boolean => digitsOf(groups).length > wholeLength(digitsOf(groups));
function appended(groups: readonly string[], more: readonly string[]): readonly string[] {
  if (startsOver(groups, more)) return more;
  const joined = [...groups, ...more];
  return isExcessive(joined) ? united(joined) : joined;
}
/** The customer repeats the number from its beginning. */
function startsOver(groups: readonly string[], more: readonly string[]): boolean {
  const [before, now] = [digitsOf(groups), digitsOf(more)];
  if (before === '' || now.length < fewest) return false;
  return now.startsWith(before.slice(0, fewest)) || (isBegun(now) && now.length === wholeLength(now));
}
/** `сто` in one utterance and `двадцать три` in the next are 123: only between utterances can a number be in two parts. */
function united(groups: readonly string[]): readonly string[] {
  const result: string[] = [];
  for (const group of groups) {
    const last = result.at(-1) ?? '';
    const isRound = /^[1-9]0+$/.test(last) && /^[1-9]/.test(group) && group.length < last.length;
    if (isRound && last.endsWith('0'.repeat(group.length))) result[result.length - 1] = last.slice(0, -group.length) + group;
    else result.push(group);
  }
  return result;
}
/** Replaces the last group of the same length, and those that follow it; else the last digits. */
function corrected(groups: readonly string[], by: readonly string[]): readonly string[] {
  const [first = ''] = by;
  const isAnother = first.length === 1 && isBegun(digitsOf(by)) && digitsOf(by).length >= fewest;
  if (groups.length === 0 || isAnother || startsOver(groups, by)) return by;
  for (let at = groups.length - 1; at >= 0; at -= 1) {
    if (groups[at]?.length !== first.length || (first.length === 1 && at < groups.length - 1)) continue;
    const changed = [...groups];
    for (const [nth, group] of by.entries()) {
      if (at + nth < groups.length && groups[at + nth]?.length !== group.length) break;
      changed[at + nth] = group;
    }
    if (!isExcessive(changed)) return changed;
  }
  const digits = digitsOf(groups);
  return [digits.slice(0, Math.max(0, digits.length - first.length)), ...by].filter((group) => group !== '');
}
/** `не сорок пять, а сорок шесть` */
function exchanged(groups: readonly string[], wrong: readonly string[], right: readonly string[]): readonly string[] {
  const at = groups.findLastIndex((_, nth) => wrong.every((group, ahead) => groups[nth + ahead] === group));
  return at < 0 ? corrected(groups, right) : [...groups.slice(0, at), ...right, ...groups.slice(at + wrong.length)];
}

function tokensOf(words: readonly Word[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < words.length; ) {
    const token = tokenAt(words, at);
    tokens.push(token);
    at = token.to;
  }
  return tokens;
}
function tokenAt(words: readonly Word[], at: number): Token {
  const text = words[at]?.text ?? '';
  const token = (is: Token['is'], to = at + 1, digits = ''): Token => ({ is, digits, from: at, to });
  const next = words[at + 1]?.text ?? '';
  if (/^(?:еще|с)$/.test(text) && /^(?:раз|начала)$/.test(next)) return token('restart', at + 2);
  if (restarts.test(text)) return token('restart');
  if (corrections.test(text)) return token('correction');
  if ((text === 'не' && next === 'так') || (text === 'в' && next === 'конце')) return token('correction', at + 2);
  if (text === 'не') return token('not');
  if (text === 'а') return token('but');
  const group = groupAt(words, at);
  // «Один момент» is no digit.
  if (/^(?:один|одну|две|два)$/.test(text) && units.test(next)) return token('filler', at + 2);
  if (group !== null) return token('group', group.end, group.digits);
  return token(fillers.test(text) || hesitations.test(text) ? 'filler' : 'other');
}
