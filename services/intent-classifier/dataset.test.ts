import { expect, test } from '@jest/globals';
import { readLines } from './dataset.ts';
import { intentNames } from './model.ts';
import { ownLines, urgencyLines } from './model-file.ts';

const [train, tested, held, urgent] = await Promise.all([ownLines('train'), ownLines('test'), ownLines('held'), urgencyLines()]);

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

test('no test line, and none that is held out, is within 0.6 of a training line, and no scenario is on both sides', () => {
  const nearest = nearestOf(train.map(({ text }) => text));
  // An assent that answers a question is judged by the question.
  const unseen = [...tested, ...held.filter(({ answersQuestion }) => !answersQuestion)];
  expect(unseen.filter(({ text }) => nearest(text) >= 0.6)).toEqual([]);
  const scenarios = new Set(train.map(({ scenario }) => scenario));
  expect([...tested, ...held].filter(({ scenario }) => scenarios.has(scenario))).toEqual([]);
});

test('there are as many lines as were promised, of every intent, and none twice', () => {
  expect(train.length).toBeGreaterThanOrEqual(2400);
  expect(tested.length).toBeGreaterThanOrEqual(500);
  expect([held.length, urgent.length, urgent.filter(({ isUrgent }) => isUrgent).length]).toEqual([200, 100, 50]);
  const count = (lines: typeof train, wanted: string) => lines.filter(({ intent }) => intent === wanted).length;
  for (const intent of intentNames) {
    expect([intent, count(train, intent)]).toEqual([intent, expect.any(Number)]);
    expect(count(train, intent)).toBeGreaterThanOrEqual(140);
    expect(count(tested, intent)).toBeGreaterThanOrEqual(35);
  }
  expect(count(tested, 'none')).toBeGreaterThanOrEqual(150);
  const texts = [...train, ...tested].map(({ text }) => text.toLowerCase());
  expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
});

test('no line holds a phone, a link or an address of mail', () => {
  expect([...train, ...tested, ...held].filter(({ text }) => /(\d[\s()-]*){7,}|https?:|@\w/.test(text))).toEqual([]);
});

test('a wrong line is named by its number', () => {
  expect(() => readLines('{"text":"да","intent":"confirmation"}\n\n{"text":"да","intent":"yes"}\n')).toThrow('Line 3: expected');
  expect(() => readLines('да')).toThrow('Line 1');
  expect(() => readLines('\n')).toThrow('no lines');
});
