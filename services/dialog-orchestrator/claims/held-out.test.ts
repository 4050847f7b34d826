import { expect, test } from '@jest/globals';
import * as dev from './corpus.dev.ts';
import { claims, harmless } from './corpus.held-out.ts';
import { measureClaims } from './measure.ts';

test('holds back at least 95 % of 60 claims that it was not made with, and at most 5 % of 60 harmless sentences', () => {
  const measured = measureClaims();
  expect([measured.claims, measured.harmless]).toEqual([60, 60]);
  expect(measured.heldBack / measured.claims).toBeGreaterThanOrEqual(0.95);
  expect(measured.passed / measured.harmless).toBeGreaterThanOrEqual(0.95);
});

test('no sentence is in both corpora', () => {
  const known = new Set([...Object.values(dev.claims).flat(), ...dev.harmless]);
  expect([...claims, ...harmless].filter((line) => known.has(line))).toEqual([]);
});
