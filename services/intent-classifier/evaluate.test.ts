import { expect, test } from '@jest/globals';
import { type Answer, evaluate, evaluateUrgency } from './evaluate.ts';
import type { IntentName } from './model.ts';

const line = (intent: IntentName) => ({ text: 'x', intent, scenario: 's' });
const answer = (intent: IntentName, confidence: number, isCertain = true): Answer => ({ intent, confidence, isCertain, stage: 'local' });

test('counts by hand: two right, a false alarm, and one that abstained', () => {
  const { accuracy, macroF1, perIntent, falseAlarms, certain, calibrationError, risk } = evaluate(
    [line('question'), line('none'), line('none'), line('none')],
    [answer('question', 0.9), answer('none', 0.9), answer('question', 0.7), answer('order', 0.3, false)],
  );
  expect(accuracy).toBe(0.5);
  expect(perIntent.find(({ intent }) => intent === 'question')).toMatchObject({
    precision: 0.5,
    recall: 1,
    certain: 2,
    certainPrecision: 0.5,
  });
  expect(perIntent.find(({ intent }) => intent === 'none')).toMatchObject({ precision: 1, recall: 1 / 3, f1: 0.5 });
  expect(macroF1).toBeCloseTo((2 / 3 + 0.5) / 2, 10); // of the intents that there are lines of
  expect(falseAlarms).toEqual({ lines: 3, certain: 1, guessed: 2 });
  expect(certain).toEqual({ lines: 3, wrong: 1 });
  expect(calibrationError).toBeCloseTo((0.2 + 0.7 + 0.3) / 4, 10);
  expect(risk.at(-1)).toEqual({ coverage: 1, wrong: 0.5, confidence: 0.3 });
  expect(risk[4]).toMatchObject({ coverage: 0.5, wrong: 0 });
});

test('full confidence falls into the last bin', () => {
  expect(evaluate([line('order')], [answer('none', 1)]).calibrationError).toBe(1);
});

test('counts urgent lines that are found, and others that are called urgent', () => {
  const lines = ['срочно', 'жду', 'спасибо', 'срочно не надо'].map((text, index) => ({ text, isUrgent: index < 2 }));
  expect(evaluateUrgency(lines, (text) => text.includes('срочно'))).toEqual({ urgent: 2, found: 1, others: 2, false: 1 });
});
