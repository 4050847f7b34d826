/** The judge of live calls, on recordings that the test makes. */
import { expect, test } from '@jest/globals';
import { wavFile } from '../../../media/audio/wav.ts';
import { sidesOf } from '../../../services/call-orchestrator/cli/recorded-waits.ts';
import { voice } from '../../kit/voice.ts';
import { type Evidence, judge } from './judge.ts';
import type { Expectation, LiveStep } from './scenario.ts';

const begin = 1_700_000_000_000;
const [rateHz, perMs] = [8_000, 8];
const sentence = voice(4_000, 3, false);
const stepAt = 3_500;
const over = { over: 'работаем' } as LiveStep;

interface Sounds {
  /** Parts of a side, each from its time, ms. */
  readonly customer: readonly (readonly [atMs: number, samples: Int16Array])[];
  readonly system: readonly (readonly [atMs: number, samples: Int16Array])[];
}
/** A call in which the agent greets at 500 ms, says the sentence from 2,000 ms on, and the caller makes a sound at 3,500 ms. */
function evidenceOf({ customer, system }: Sounds, { isInterrupted = false, said = 'угу' } = {}): Evidence {
  const samples = new Int16Array(2 * 12_000 * perMs);
  for (const [side, parts] of [customer, system].entries())
    for (const [atMs, part] of parts) for (const [nth, sample] of part.entries()) samples[2 * (atMs * perMs + nth) + side] = sample;
  const sides = sidesOf(wavFile({ rateHz, channels: 2 }, samples));
  if (sides === null) throw new Error('one side only');
  const at = (ms: number) => new Date(begin + ms).toISOString();
  const entry = { startedAt: at(500), endedAt: at(1_500), isInterrupted: false, waterfall: null };
  return {
    called: { hungUp: false, done: [{ step: over, from: begin + stepAt, to: begin + stepAt + 300, words: said }] },
    transcript: {
      entries: [
        { ...entry, who: 'agent', text: 'Здравствуйте!' },
        { ...entry, who: 'agent', text: 'Мы работаем всегда.', startedAt: at(2_000), endedAt: at(8_000), isInterrupted },
        { ...entry, who: 'customer', text: said, startedAt: at(stepAt), endedAt: at(stepAt + 300) },
      ],
    },
    ...{ sides, tools: ['find_services'], waits: [640], personSaid: voice(1_500, 9), spoken: async () => sentence },
  };
}
const greeting = [500, voice(1_000, 1, false)] as const;
const heard = (fromMs: number, toMs: number) => sentence.subarray(fromMs * perMs, toMs * perMs);
const sound = [stepAt, voice(300, 5, false)] as const;
/** The sentence stops at `stoppedAt` of it, and goes on from `from` of it two seconds later. */
const resuming = (stoppedAt: number, from: number) =>
  evidenceOf({ customer: [sound], system: [greeting, [2_000, heard(0, stoppedAt)], [2_000 + stoppedAt + 2_000, heard(from, 4_000)]] });

test.each<[string, Evidence, Expectation, RegExp | null]>([
  ['goes on where it stopped', resuming(1_700, 1_700), { resumed: true }, null],
  ['goes on at the beginning of the word', resuming(1_700, 1_400), { resumed: true }, null],
  ['is silenced just before the step, by another clock', resuming(1_450, 1_450), { resumed: true }, null],
  ['was silent already', resuming(1_200, 1_200), { resumed: true }, /was silent/],
  ['leaves out half a second', resuming(1_700, 2_200), { resumed: true }, /skipped/],
  ['says a second again', resuming(1_700, 700), { resumed: true }, /repeated/],
  ['stops within the time', resuming(1_700, 1_700), { silentWithinMs: 250 }, null],
  ['stops too late', resuming(2_100, 2_100), { silentWithinMs: 250 }, /heard for/],
  ['is not interrupted', resuming(1_700, 1_700), { interrupted: false }, null],
  ['should have been interrupted', resuming(1_700, 1_700), { interrupted: true }, /работаем/],
  ['says what is on the recording', resuming(1_700, 1_700), { heard: 'работаем' }, null],
  [
    'says what is in the transcript alone',
    evidenceOf({ customer: [sound], system: [greeting] }),
    { heard: 'работаем' },
    /not on the recording/,
  ],
  ['says what it should not', resuming(1_700, 1_700), { absent: 'работаем' }, /heard/],
  ['answers in time', resuming(1_700, 1_700), { withinMs: 700 }, null],
  ['answers late', resuming(1_700, 1_700), { withinMs: 600 }, /640/],
  ['hangs up', resuming(1_700, 1_700), { hungUp: true }, /did not hang up/],
  ['runs another tool', resuming(1_700, 1_700), { tool: 'book' }, /find_services/],
])('a call in which the agent %s', async (_, evidence, expected, why) => {
  const missed = await judge(expected, evidence);
  if (why === null) expect(missed).toBeNull();
  else expect(missed).toMatch(why);
});

test('a phone is heard as one number only if one entry has all of its digits', async () => {
  const sounds = { customer: [sound], system: [greeting, [2_000, heard(0, 4_000)] as const] };
  const dictated = 'восемь девятьсот двенадцать двести тридцать семь двадцать пять шестьдесят восемь';
  expect(await judge({ slot: 'phone' }, evidenceOf(sounds, { said: dictated }))).toBeNull();
  const heardPart = evidenceOf(sounds, { said: dictated });
  const parts = heardPart.transcript.entries.map((entry) =>
    entry.who === 'agent' ? entry : { ...entry, text: 'восемь девятьсот двенадцать' },
  );
  expect(await judge({ slot: 'phone' }, { ...heardPart, transcript: { entries: parts } })).toMatch(/89122372568/);
});

test('a person is heard if what they said is at the end of the recording', async () => {
  const said = voice(1_500, 9);
  const with_ = evidenceOf({ customer: [sound], system: [greeting, [9_000, said]] });
  const without = evidenceOf({ customer: [sound], system: [greeting, [9_000, voice(1_500, 10)]] });
  expect(await judge({ personHeard: true }, with_)).toBeNull();
  expect(await judge({ personHeard: true }, without)).toMatch(/not on the recording/);
});
