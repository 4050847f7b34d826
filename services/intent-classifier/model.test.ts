import { expect, test } from '@jest/globals';
import { cascade } from './cascade.ts';
import { evaluate } from './evaluate.ts';
import { featuresOf } from './features.ts';
import { localModel, ModelFile } from './model.ts';
import { isCurrent, ownLines, readModel, readModelFile } from './model-file.ts';
import { train } from './train.ts';

const judge = await readModel();

test('the model in the folder is what the lines and the code give; otherwise: polyb intents train', async () => {
  expect(await isCurrent()).toBe(true);
});

test('reaches its goals on the test lines: macro-F1 0.85, calibration error 0.05, false alarms 5 %', async () => {
  const lines = await ownLines('test');
  const { macroF1, calibrationError, falseAlarms } = evaluate(
    lines,
    lines.map(({ text }) => ({ ...judge(text), stage: 'local' as const })),
  );
  expect(macroF1).toBeGreaterThanOrEqual(0.85);
  expect(calibrationError).toBeLessThanOrEqual(0.05);
  expect(falseAlarms.certain / falseAlarms.lines).toBeLessThanOrEqual(0.05);
});

test('no class is certain below one half, and a file that says so is refused', async () => {
  const file = await readModelFile();
  for (const threshold of Object.values(file.thresholds)) expect(threshold).toBeGreaterThanOrEqual(0.5);
  expect(ModelFile.safeParse({ ...file, thresholds: { ...file.thresholds, broadcast: 0.49 } }).success).toBe(false);
  const wild = (await ownLines('train')).flatMap(({ text }, index) => (index % 7 === 0 ? [judge(text)] : []));
  expect(wild.filter(({ isCertain, confidence }) => isCertain && confidence < 0.5)).toEqual([]);
});

test('an address alone is no certain broadcast', () => {
  for (const text of ['Ленина 5 кв 3', 'ленина 5', 'Мира 12 подъезд 3', 'кв 3, этаж 2']) {
    const { intent, isCertain } = judge(text);
    expect([text, intent, isCertain]).not.toEqual([text, 'broadcast', true]);
  }
});

test('of the certain answers to lines that nothing was tuned on at most 3 % are wrong', async () => {
  const decide = cascade({ patterns: async () => [], local: judge, askLlm: null });
  const lines = await ownLines('held');
  const { signal } = new AbortController();
  const answers = await Promise.all(lines.map(({ text, answersQuestion }) => decide(text, { answersQuestion, signal })));
  const { certain } = evaluate(lines, answers);
  expect(certain.lines).toBeGreaterThanOrEqual(100);
  expect(certain.wrong / certain.lines).toBeLessThanOrEqual(0.03);
});

/** The middle one of the times that each took, ms: a machine with other work to do makes some of them long. */
function medianMs(texts: readonly string[]): number {
  const times = texts.map((text) => {
    const began = performance.now();
    judge(text);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

test('judges a message in less than a millisecond', async () => {
  const texts = (await ownLines('test')).map(({ text }) => text);
  medianMs(texts);
  expect(medianMs(texts)).toBeLessThan(1);
});

test('a text of a hundred kilobytes costs no more than its beginning', () => {
  const long = 'сколько стоит букет? '.repeat(5000);
  expect(medianMs(Array.from({ length: 15 }, () => long))).toBeLessThan(20);
  expect(featuresOf(long)).toEqual(featuresOf(long.slice(0, 600)));
});

test.each([
  ['nothing', ''],
  ['a blank', ' '],
  ['a null byte', '\u0000'],
  ['a flood of emoji', '🌷'.repeat(2000)],
  ['a right-to-left override with a tag', '\u202e<img onerror=x>'],
  ['half a character', '\ud800'],
  ['a number of 9,000 digits', '1'.repeat(9000)],
])('a strange text has an intent: %s', (_, text) => {
  const { intent, confidence } = judge(text);
  expect(intent).toEqual(expect.any(String));
  expect(confidence).toBeGreaterThan(0);
  expect(confidence).toBeLessThanOrEqual(1);
});

test('the same lines teach the same model, others another', async () => {
  const lines = (await ownLines('train')).filter((_, index) => index % 120 === 0);
  const first = train(lines, 'x');
  expect(train(lines, 'x')).toEqual(first);
  expect(train(lines.slice(1), 'x').weights).not.toBe(first.weights);
});

test('a model of another size is refused', async () => {
  const file = await readModelFile();
  expect(() => localModel({ ...file, weights: file.weights.slice(0, 400) })).toThrow('train it again');
});
