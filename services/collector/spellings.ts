/** Other readings of a query: typed in the wrong keyboard layout, or in the other alphabet. */
import { cyrillicOf } from '../../contracts/kit/cyrillic.ts';

const latinKeys = `qwertyuiop[]asdfghjkl;'zxcvbnm,.\``;
const russianKeys = 'йцукенгшщзхъфывапролджэячсмитьбюё';
const otherKey = new Map(
  [...latinKeys].flatMap((key, at) => [[key, russianKeys[at] ?? ''] as const, [russianKeys[at] ?? '', key] as const]),
);

const letters: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'абвгдезийклмнопрстуфхыэ'].map((letter, at) => [letter, 'abvgdeziyklmnoprstufhye'[at] ?? ''])),
  ...{ ё: 'e', ж: 'zh', ц: 'ts', ч: 'ch', ш: 'sh', щ: 'sch', ъ: '', ь: '', ю: 'yu', я: 'ya' },
};

export interface Spellings {
  /** Searched for as they are. */
  readonly exact: readonly string[];
  /** Matched approximately, since Russian has several spellings in Latin letters; null for a query without Latin letters. */
  readonly cyrillic: string | null;
}

export function spellingsOf(q: string): Spellings {
  const lower = q.toLowerCase();
  const swapped = lower.replace(/\P{Z}/gu, (key) => otherKey.get(key) ?? key);
  const latin = lower.replace(/[а-яё]/g, (letter) => letters[letter] ?? letter);
  const cyrillic = /[a-z]/.test(lower) ? cyrillicOf(lower) : null;
  // Keys that are punctuation in one layout are letters in the other.
  const exact = [swapped, latin].filter((one) => one !== lower && /[\p{L}\p{N}]/u.test(one));
  return { exact: [...new Set(exact)], cyrillic };
}
