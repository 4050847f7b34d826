import { expect, test } from '@jest/globals';
import { createLiveTurns } from './live-turns.ts';

function turns() {
  let at = 10_000;
  const made = createLiveTurns(() => at);
  return {
    ...made,
    /** After `ms` of the session. */
    at(ms: number) {
      at = 10_000 + ms;
      return made;
    },
  };
}

test('a turn ends where the other side begins, and has the times of the session', () => {
  const { at } = turns();
  expect(at(600).fragment('customer', 'Сколько ', 0, 500)).toEqual([
    { kind: 'speech_started', item: 'turn_1', atMs: 0, at: 10_100 },
    { kind: 'words', item: 'turn_1', text: 'Сколько ', isFinal: false },
  ]);
  at(1_100).fragment('customer', 'стоит?', 500, 1_000);
  expect(at(1_600).fragment('agent', 'Две', 1_200, 1_500)).toEqual([
    { kind: 'speech_stopped', item: 'turn_1', atMs: 1_000, at: 11_100 },
    { kind: 'words', item: 'turn_1', text: 'Сколько стоит?', isFinal: true },
    { kind: 'answering', answer: 'turn_2' },
    { kind: 'playing', answer: 'turn_2', at: 11_300 },
    { kind: 'text', answer: 'turn_2', item: 'turn_2', text: 'Две', hasAudio: true },
  ]);
});

test('words that the provider writes down late begin when they were said', () => {
  const { at } = turns();
  const [, playing] = at(2_100).fragment('agent', 'Две тысячи', 1_500, 2_000);
  const events = at(2_200).fragment('customer', 'Сколько стоит?', 300, 1_200);
  expect(events.map(({ kind }) => kind)).toEqual(['heard', 'speech_started', 'words']);
  const began = (event: unknown): number => (event as { at: number }).at;
  expect(began(events[1])).toBeLessThan(began(playing));
});

test('what is being said can be closed by its side, once', () => {
  const { at, close } = turns();
  at(500).fragment('customer', 'Алло', 0, 400);
  expect(close('agent')).toEqual([]);
  expect(close('customer').map(({ kind }) => kind)).toEqual(['speech_stopped', 'words']);
  expect(close()).toEqual([]);
});
