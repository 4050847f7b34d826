/** Runs each scenario once, with synthetic vowels for callers and agent: tests the harness, and the rules that need no recordings. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { encode } from '../../media/audio/g711.ts';
import type { TalkRules } from '../../services/call-orchestrator/talk/rules.ts';
import type { Callers } from './callers.ts';
import { judge } from './judge.ts';
import { digitsOf, phoneGroups, spokenGroups } from './numbers.ts';
import { play } from './play.ts';
import { readScenarios } from './scenario.ts';
import { joined, msOf, type Sound, spread } from './sound.ts';

/** 200 ms of voice harmonics for every four letters. */
function vowels(text: string): Int16Array {
  const random = seededRandom(text.length);
  let [phase, hz] = [0, 120];
  return Int16Array.from({ length: Math.ceil(text.length / 4) * 2_400 - 800 }, (_, at) => {
    if (at % 2_400 === 0) hz = 100 + random() * 80;
    phase += (2 * Math.PI * hz) / 8_000;
    const voice = [1, 2, 3, 4, 5, 6, 8, 10, 12].reduce((sum, nth) => sum + Math.sin(nth * phase) / Math.sqrt(nth), 0);
    return (voice / 3) * (at % 2_400 < 1_600 ? 6_000 : 600);
  });
}
function speak(text: string): Sound {
  const samples = vowels(text);
  return { samples, words: spread(text, 0, msOf(samples)), pauses: [] };
}
const callers: Callers = {
  speak,
  recordings: 1,
  recording: () => joined(['в этот ранний час', 'на улице не было', 'ни одного человека'].map(speak), [330, 330]),
};
const { scenarios, goals } = readScenarios(join(import.meta.dirname, 'scenarios'));
const held = scenarios.filter(({ row }) => goals.get(row) !== null);
const failures = async (rules?: Partial<TalkRules>): Promise<readonly string[]> => {
  const failed: string[] = [];
  for (const scenario of held) {
    const { observed } = await play(scenario, 7, { callers, voice: (text) => encode('PCMU', vowels(text)), ...(rules && { rules }) });
    for (const expected of scenario.expect) {
      const { why } = judge(expected, observed);
      if (why !== null) failed.push(`${scenario.name}: ${why}`);
    }
  }
  return failed;
};

test('every scenario with a goal goes as it expects', async () => {
  expect(await failures()).toEqual([]);
});

test('a talk that does not wait for what is dictated is seen to cut it off', async () => {
  const failed = await failures({ silenceMs: 300, dictationMs: 300, learnsSilence: false });
  expect(failed.filter((each) => each.startsWith('phone number that was asked for'))).not.toEqual([]);
});

test('digits that are dictated in groups are read back', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const groups = phoneGroups(seededRandom(seed));
    expect(digitsOf(spokenGroups(groups))).toBe(groups.join(''));
  }
});
