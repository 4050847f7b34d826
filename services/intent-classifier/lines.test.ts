import { expect, test } from '@jest/globals';
import { readLines } from './lines.ts';
import { intentNames } from './model.ts';
import { ownLines } from './trained.ts';

const [train, held] = await Promise.all([ownLines('train'), ownLines('test')]);

/** Trigrams of pg_trgm: each word in lower case with two blanks before and one after. */
function trigrams(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(words.flatMap((word) => [...`  ${word} `].slice(0, -2).map((_, start) => `  ${word} `.slice(start, start + 3))));
}
function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  let shared = 0;
  for (const each of a) if (b.has(each)) shared += 1;
  return shared / (a.size + b.size - shared);
}

test('similarity is what pg_trgm gives', () => {
  expect(similarity(trigrams('word'), trigrams('two words'))).toBeCloseTo(0.363636, 5);
});

test('no test line is within 0.6 of a training line, and no scenario stands on both sides', () => {
  const known = train.map(({ text }) => trigrams(text));
  const near = held.filter(({ text }) => {
    const own = trigrams(text);
    return known.some((other) => similarity(own, other) >= 0.6);
  });
  expect(near).toEqual([]);
  const scenarios = new Set(train.map(({ scenario }) => scenario));
  expect(held.filter(({ scenario }) => scenarios.has(scenario))).toEqual([]);
});

test('there are as many lines as were promised, of every intent, and none twice', () => {
  expect(train.length).toBeGreaterThanOrEqual(1400);
  expect(held.length).toBeGreaterThanOrEqual(400);
  const count = (lines: typeof train, wanted: string) => lines.filter(({ intent }) => intent === wanted).length;
  for (const intent of intentNames) {
    expect([intent, count(train, intent)]).toEqual([intent, expect.any(Number)]);
    expect(count(train, intent)).toBeGreaterThanOrEqual(140);
    expect(count(held, intent)).toBeGreaterThanOrEqual(35);
  }
  expect(count(held, 'none')).toBeGreaterThanOrEqual(150);
  const texts = [...train, ...held].map(({ text }) => text.toLowerCase());
  expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
});

test('no line holds a phone, a link or an address of mail', () => {
  expect([...train, ...held].filter(({ text }) => /(\d[\s()-]*){7,}|https?:|@\w/.test(text))).toEqual([]);
});

test('a wrong line is named by its number', () => {
  expect(() => readLines('{"text":"да","intent":"confirmation"}\n\n{"text":"да","intent":"yes"}\n')).toThrow('Line 3: expected');
  expect(() => readLines('да')).toThrow('Line 1');
  expect(() => readLines('\n')).toThrow('no lines');
});
