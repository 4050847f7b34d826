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
/** The similarity of a text to the nearest of the others, as pg_trgm has it: shared trigrams among all of both. */
function nearestOf(others: readonly string[]): (text: string) => number {
  const sets = others.map(trigrams);
  const holders = new Map<string, number[]>();
  sets.forEach((set, index) => {
    for (const each of set) {
      const known = holders.get(each);
      if (known === undefined) holders.set(each, [index]);
      else known.push(index);
    }
  });
  return (text) => {
    const own = trigrams(text);
    const shared = new Map<number, number>();
    for (const each of own) for (const index of holders.get(each) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
    return Math.max(0, ...[...shared].map(([index, count]) => count / (own.size + (sets[index]?.size ?? 0) - count)));
  };
}

test('similarity is what pg_trgm gives', () => {
  expect(nearestOf(['other', 'two words'])('word')).toBeCloseTo(0.363636, 5);
  expect(nearestOf(['🌷'])('🌷')).toBe(0);
});

test('no test line is within 0.6 of a training line, and no scenario stands on both sides', () => {
  const nearest = nearestOf(train.map(({ text }) => text));
  expect(held.filter(({ text }) => nearest(text) >= 0.6)).toEqual([]);
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
