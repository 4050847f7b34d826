import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createTranslator, type Word, type Words } from '../kit/words.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
const dictionaries = await Promise.all(
  files.map(async (file) => ({ file, words: Object.values((await import(`./${file}`)) as Record<string, Words>)[0] ?? {} })),
);
const pairs = dictionaries.flatMap(({ file, words }) => Object.entries(words).map(([key, pair]) => ({ at: `${file} ${key}`, pair })));
const forms = (word: Word): readonly string[] => (typeof word === 'string' ? [word] : Object.values(word));
const names = (text: string): readonly string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name))].sort();

test('every text is there in both languages, with the same values', () => {
  expect(pairs.length).toBeGreaterThan(100);
  for (const { at, pair } of pairs) {
    expect({ at, languages: pair.length }).toEqual({ at, languages: 2 });
    const texts = pair.flatMap(forms);
    expect({ at, empty: texts.filter((text) => text.trim() === '') }).toEqual({ at, empty: [] });
    for (const text of texts) expect({ at, names: names(text) }).toEqual({ at, names: names(texts[0] ?? '') });
  }
});

test('a count has every form that its language has', () => {
  const of = { 0: ['few', 'many', 'one', 'other'], 1: ['one', 'other'] };
  for (const { at, pair } of pairs)
    for (const language of [0, 1] as const) {
      const word = pair[language];
      if (typeof word !== 'string') expect({ at, forms: Object.keys(word).sort() }).toEqual({ at, forms: of[language] });
      else expect({ at, hasCount: /\{n\}/.test(word) && typeof pair[1 - language] !== 'string' }).toEqual({ at, hasCount: false });
    }
});

test('English texts are English', () => {
  const mixed = pairs.filter(({ pair }) => forms(pair[1]).some((text) => /[а-яё]/i.test(text)));
  expect(mixed.map(({ at }) => at)).toEqual(['settings.ts language_ru']);
});

test.each([
  [1, '1 новая запись — показать', '1 new row: show'],
  [3, '3 новые записи — показать', '3 new rows: show'],
  [5, '5 новых записей — показать', '5 new rows: show'],
  [21, '21 новая запись — показать', '21 new rows: show'],
  [1200, '1 200 новых записей — показать', '1,200 new rows: show'],
])('%d rows are counted as the language counts', async (n, ru, en) => {
  const { kitWords } = await import('./kit.ts');
  const language = { value: 'ru' as 'ru' | 'en' };
  const t = createTranslator(language as never)(kitWords);
  expect(t('fresh', { n }).replace(/[\u00a0\u202f]/g, ' ')).toBe(ru);
  language.value = 'en';
  expect(t('fresh', { n })).toBe(en);
});
