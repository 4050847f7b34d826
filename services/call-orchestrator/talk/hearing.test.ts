import { expect, test } from '@jest/globals';
import { seededRandom } from '../../../contracts/kit/seeded-random.ts';
import { encode } from '../../../media/audio/g711.ts';
import { voiceActivity } from '../../../media/audio/voice-activity.ts';
import { createEchoGuard } from './echo.ts';
import { createHearing, tickMs } from './hearing.ts';

const detector = await voiceActivity();
/** Vowels of 200 ms: harmonics of a voice with varying pitch, at the level of speech on a phone. */
function speech(ms: number, seed: number, peak = 6_000): Int16Array {
  const random = seededRandom(seed);
  let [phase, hz] = [0, 120];
  return Int16Array.from({ length: ms * 8 }, (_, at) => {
    if (at % 2_400 === 0) hz = 100 + random() * 80;
    phase += (2 * Math.PI * hz) / 8_000;
    const voice = [1, 2, 3, 4, 5, 6, 8, 10, 12].reduce((sum, nth) => sum + Math.sin(nth * phase) / Math.sqrt(nth), 0);
    return (voice / 3 + (random() - 0.5) / 10) * (at % 2_400 < 1_600 ? peak : peak / 40);
  });
}
const quieter = (samples: Int16Array, db: number): Int16Array => samples.map((sample) => sample * 10 ** (db / 20));
/** A mix of sounds, each from its start time. */
function mixed(ms: number, ...sounds: readonly { readonly from: number; readonly samples: Int16Array }[]): Int16Array {
  const line = new Int16Array(ms * 8);
  for (const { from, samples } of sounds)
    for (let at = 0; at < samples.length && from * 8 + at < line.length; at += 1)
      line[from * 8 + at] = (line[from * 8 + at] ?? 0) + (samples[at] ?? 0);
  return line;
}
/** Edges of the customer's speech while the agent says `agent` from 0 on.
 *  @param delayMs how late its frames come, as is reported @param heldUp from and to this time the frames wait for a busy process */
function edgesOf(line: Int16Array, agent: Int16Array, isGuarded = true, delayMs = 0, heldUp: readonly [number, number] = [0, 0]) {
  let now = 0;
  const edges: { readonly edge: string; readonly at: number; readonly soundAt?: number }[] = [];
  const guard = createEchoGuard(() => now);
  const pcmu = encode('PCMU', line);
  const hearing = createHearing({
    ...{ detector, stirred: () => {} },
    now: () => now,
    echoDb: isGuarded ? guard.level : () => Number.NEGATIVE_INFINITY,
    started: (segment, at) => void edges.push({ edge: `started ${segment}`, at }),
    audio: () => {},
    stopped: (segment, at, soundAt) => void edges.push({ edge: `stopped ${segment}`, at, soundAt }),
  });
  guard.sent(encode('PCMU', agent));
  hearing.delayed(delayMs);
  for (let at = 0; at < pcmu.length; at += 160) {
    now = at / 8 + delayMs;
    if (now > heldUp[0] && now < heldUp[1]) [, now] = heldUp;
    hearing.frame(pcmu.subarray(at, at + 160));
    if (now % tickMs === 0) hearing.tick();
  }
  return edges;
}

test.each([
  [-12, 50],
  [-12, 150],
  [-12, 300],
  [-16, 200],
  [-20, 100],
])('the agent’s voice that returns at %d dB after %d ms is not speech of the customer', (db, delayMs) => {
  const agent = speech(4_000, 7);
  const line = mixed(5_000, { from: delayMs, samples: quieter(agent, db) });
  expect(edgesOf(line, agent)).toEqual([]);
  expect(edgesOf(line, agent, false).length).toBeGreaterThan(0);
});

test('the customer is heard over the echo of the agent', () => {
  const agent = speech(4_000, 7);
  const line = mixed(5_000, { from: 150, samples: quieter(agent, -12) }, { from: 2_000, samples: speech(1_000, 11) });
  const [first, ...others] = edgesOf(line, agent);
  expect(first?.edge).toBe('started 0');
  expect(Math.abs((first?.at ?? 0) - 2_000)).toBeLessThan(150);
  expect(others.at(-1)?.edge).toMatch(/^stopped/);
});

test('a customer who is quiet for a while is heard whole when the agent is silent', () => {
  const line = mixed(3_000, { from: 1_000, samples: quieter(speech(800, 11), -14) });
  expect(edgesOf(line, new Int16Array(0)).map(({ edge }) => edge)).toEqual(['started 0', 'stopped 0']);
});

test('the last sound is where the customer fell silent, also in the noise of a line, and not where the detector is sure of it', () => {
  const voice = { from: 1_000, samples: speech(1_100, 11) };
  const random = seededRandom(5);
  const noise = { from: 0, samples: Int16Array.from({ length: 3_000 * 8 }, () => (random() - 0.5) * 120) };
  for (const line of [mixed(3_000, voice), mixed(3_000, voice, noise)])
    for (const delayMs of [0, 60, 120]) {
      const { soundAt = 0 } = edgesOf(line, new Int16Array(0), true, delayMs).at(-1) ?? {};
      expect(Math.abs(soundAt - 2_100)).toBeLessThanOrEqual(5);
    }
});

test('the last sound is where it was spoken, also when a busy process takes it late', () => {
  const line = mixed(3_000, { from: 1_000, samples: speech(1_100, 11) });
  const { soundAt = 0 } = edgesOf(line, new Int16Array(0), true, 40, [2_000, 2_230]).at(-1) ?? {};
  expect(Math.abs(soundAt - 2_100)).toBeLessThanOrEqual(10);
});

/** A detector on the test's clock, with a silent agent. */
function unguarded() {
  const clock = { now: 0 };
  const edges: string[] = [];
  const hearing = createHearing({
    ...{ detector, stirred: () => {} },
    now: () => clock.now,
    echoDb: () => Number.NEGATIVE_INFINITY,
    started: () => void edges.push('started'),
    audio: () => {},
    stopped: () => void edges.push('stopped'),
  });
  return { hearing, edges, clock };
}

test('speech ends at a phone that sends nothing in its pauses', () => {
  const { hearing, edges, clock } = unguarded();
  const pcmu = encode('PCMU', speech(600, 3));
  for (let at = 0; at < pcmu.length; at += 160) {
    clock.now += 20;
    hearing.frame(pcmu.subarray(at, at + 160));
  }
  for (const end = clock.now + 1_000; clock.now < end; clock.now += tickMs) hearing.tick();
  expect(edges).toEqual(['started', 'stopped']);
});

test('a process that was held up does not take the frames that wait for silence', () => {
  const { hearing, edges, clock } = unguarded();
  const pcmu = encode(
    'PCMU',
    Int16Array.from({ length: 9_600 }, (_, at) => (at % 2 === 0 ? 6_000 : -6_000)),
  );
  for (let at = 0; at < pcmu.length; at += 160) {
    clock.now += at === 4_800 ? 800 : 20;
    if (at === 4_800) hearing.tick();
    hearing.frame(pcmu.subarray(at, at + 160));
  }
  expect(edges).toEqual(['started']);
});
