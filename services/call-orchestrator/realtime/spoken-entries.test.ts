import { expect, test } from '@jest/globals';
import type { SpeechEvent } from '../../../adapters/realtime/port.ts';
import { createSpokenEntries } from './spoken-entries.ts';

function taken(events: readonly (SpeechEvent | number)[]) {
  let at = 1_000;
  const entries = createSpokenEntries(() => at);
  const noted = events.flatMap((event) => {
    if (typeof event !== 'number') return entries.take(event) ?? [];
    at += event;
    return [];
  });
  return [...noted, ...entries.end()]
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .map(({ who, text, isInterrupted }) => `${who}: ${text}${isInterrupted ? ' …' : ''}`);
}
const speech = (item: string, text: string): readonly SpeechEvent[] => [
  { kind: 'speech_started', item, atMs: 0 },
  { kind: 'speech_stopped', item, atMs: 500 },
  { kind: 'committed', item },
  { kind: 'words', item, text, isFinal: true },
];
const begun = (answer: string, text: string): readonly SpeechEvent[] => [
  { kind: 'playing', answer },
  { kind: 'text', answer, item: `${answer}_1`, text, hasAudio: true },
];

test('words that come after the answer to them are before it', () => {
  const [started, stopped, committed, words] = speech('i1', 'Сколько стоит?') as [SpeechEvent, SpeechEvent, SpeechEvent, SpeechEvent];
  const events = [
    started,
    stopped,
    committed,
    ...begun('r1', 'Две тысячи.'),
    { kind: 'heard', answer: 'r1', isWhole: true } as const,
    words,
  ];
  expect(taken(events)).toEqual(['customer: Сколько стоит?', 'agent: Две тысячи.']);
});

test('what a customer says begins with their first sound and ends with their last one', () => {
  let at = 1_000;
  const entries = createSpokenEntries(() => at);
  const [started, stopped, committed, words] = speech('i1', 'Алло') as [SpeechEvent, SpeechEvent, SpeechEvent, SpeechEvent];
  entries.take(started);
  at = 1_800;
  entries.take(stopped);
  at = 2_300;
  entries.take(committed);
  at = 4_000;
  expect(entries.take(words)).toMatchObject({ startedAt: 1_000, endedAt: 1_800 });
});

test('an answer that is interrupted has the words that fit into the time', () => {
  const long = 'Есть время завтра в десять, в двенадцать и в четыре часа, что вам удобнее?';
  const heard = { kind: 'heard', answer: 'r1', isWhole: false } as const;
  const [line = ''] = taken([...begun('r1', long), 1_500, heard, ...speech('i1', 'В десять')]);
  expect(line).toMatch(/^agent: Есть время завтра/);
  expect(line).toMatch(/ …$/);
  expect(line).not.toContain('удобнее');
});

test('an answer that the customer left in the middle is kept, and one that was never played is not', () => {
  const unplayed: SpeechEvent = { kind: 'text', answer: 'r2', item: 'i', text: 'Никто не слышал', hasAudio: true };
  expect(taken([...begun('r1', 'Всего доброго'), 5_000, unplayed])).toEqual(['agent: Всего доброго …']);
});

test('keys are what the customer said, and a sound without words is nothing', () => {
  expect(taken([...speech('i1', ''), { kind: 'key', key: '1' }])).toEqual(['customer: 1']);
});
