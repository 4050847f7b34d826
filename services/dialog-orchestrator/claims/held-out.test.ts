import { expect, test } from '@jest/globals';
import { checkText } from './check-text.ts';
import * as dev from './corpus.dev.ts';
import { claims, harmless, support } from './corpus.held-out.ts';

const passes = (line: string): boolean => checkText(line, support).ok;

test('holds back at least 95 % of 60 claims that it was not made with, and at most 5 % of 60 harmless sentences', () => {
  expect([claims.length, harmless.length]).toEqual([60, 60]);
  expect(claims.filter(passes).length / claims.length).toBeLessThanOrEqual(0.05);
  expect(harmless.filter((line) => !passes(line)).length / harmless.length).toBeLessThanOrEqual(0.05);
});

test('no sentence is in both corpora', () => {
  const known = new Set([...Object.values(dev.claims).flat(), ...dev.harmless]);
  expect([...claims, ...harmless].filter((line) => known.has(line))).toEqual([]);
});
