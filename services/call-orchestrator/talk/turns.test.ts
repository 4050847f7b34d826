import { expect, test } from '@jest/globals';
import type { TalkEntry } from './machine.ts';
import { createTurns } from './turns.ts';

const entry = (who: TalkEntry['who'], text: string, startedAt: number, isInterrupted = false): TalkEntry => ({
  ...{ who, text, startedAt, endedAt: startedAt + 500, isInterrupted, waterfall: null },
});
const turnsOf = (entries: readonly TalkEntry[]) => {
  const turns = createTurns();
  const early = entries.flatMap((each) => turns.add(each));
  return { early: early.map(({ said }) => said), all: [...early, ...turns.end()].map(({ said, reply }) => `${said} → ${reply}`) };
};

test('a turn has what was said and all of the answer, and is over when the customer speaks again', () => {
  const { early, all } = turnsOf([
    entry('agent', 'Здравствуйте!', 0),
    entry('customer', 'Сколько', 1_000),
    entry('customer', 'стоит?', 2_000),
    entry('agent', 'Две тысячи.', 3_000),
    entry('agent', 'Записать вас?', 4_000),
    entry('customer', 'Да', 5_000),
  ]);
  expect(early).toEqual(['Сколько стоит?']);
  expect(all).toEqual(['Сколько стоит? → Две тысячи. Записать вас?', 'Да → ']);
});

test('words that become known after the answer to them are its question', () => {
  const late = [
    entry('agent', 'Здравствуйте!', 0),
    entry('agent', 'Две тысячи.', 3_000),
    entry('customer', 'Сколько стоит?', 1_000),
    entry('agent', 'Пожалуйста.', 7_000, true),
    entry('customer', 'Спасибо', 6_000),
  ];
  expect(turnsOf(late).all).toEqual(['Сколько стоит? → Две тысячи.', 'Спасибо → Пожалуйста.']);
  const turns = createTurns();
  for (const each of late) turns.add(each);
  expect(turns.end()).toEqual([{ said: 'Спасибо', saidAt: 6_500, reply: 'Пожалуйста.', endedAt: 7_500, isInterrupted: true }]);
});
