import { expect, test } from '@jest/globals';
import { layOut } from './waterfall.ts';

const began = Date.parse('2026-11-28T09:00:00Z');
const at = (ms: number) => new Date(began + ms).toISOString();
const step = (from: number | null, to: number | null, mode: 'step' | 'wait' = 'step') => ({
  mode,
  startedAt: from === null ? null : at(from),
  endedAt: to === null ? null : at(to),
});
const rounded = ({ at: left, width }: { readonly at: number; readonly width: number }) => [Math.round(left), Math.round(width)];

test('steps that follow each other share the line by their time', () => {
  const { bars, folds, busyMs, idleMs } = layOut([step(0, 250), step(250, 1_000)], began);
  expect(bars.map(rounded)).toEqual([
    [0, 25],
    [25, 75],
  ]);
  expect([folds, busyMs, idleMs]).toEqual([[], 1_000, 0]);
});

test('a long pause is folded to a few percent and says how long it was', () => {
  const { bars, folds, busyMs, idleMs } = layOut([step(0, 500), step(7_200_500, 7_201_000)], began);
  expect(folds.map(({ ms }) => ms)).toEqual([7_200_000]);
  expect(bars.map(rounded)).toEqual([
    [0, 48],
    [52, 48],
  ]);
  expect([busyMs, idleMs]).toEqual([1_000, 7_200_000]);
});

test('a wait for an event is a pause: its bar lies over the fold', () => {
  const { bars, folds } = layOut([step(0, 500), step(500, 60_500, 'wait'), step(60_500, 61_000)], began);
  expect(folds).toHaveLength(1);
  expect(rounded(bars[1] as (typeof bars)[number])).toEqual(rounded(folds[0] as (typeof folds)[number]));
});

test('a step at work ends now, one that took no time is seen, and one that has not started is not drawn', () => {
  const { bars } = layOut([step(0, null), step(500, 500), step(null, null)], began + 1_000);
  expect(bars.map(({ at: left, width }) => [left, width])).toEqual([
    [0, 100],
    [50, 0.5],
  ]);
});

test('every bar ends within the line, however short the last step is', () => {
  const { bars } = layOut([step(0, 1_000), step(1_000, 1_000)], began + 1_000);
  expect(bars.every(({ at: left, width }) => left >= 0 && left + width <= 100)).toBe(true);
});

test('a run without a step that started has no bars', () => {
  expect(layOut([step(null, null)], began)).toMatchObject({ bars: [], folds: [], busyMs: 0, idleMs: 0 });
});
