import { expect, test } from '@jest/globals';
import { evaluate } from './evaluate.ts';
import { featuresOf } from './features.ts';
import { localModel } from './model.ts';
import { train } from './train.ts';
import { isCurrent, ownLines, readModel, readModelFile } from './trained.ts';

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
  expect(() => localModel({ ...file, weights: file.weights.slice(0, 400) })).toThrow('train it anew');
});
