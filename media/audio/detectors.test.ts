import { expect, test } from '@jest/globals';
import { espeak, espeakSettings } from '../../adapters/tts/espeak.ts';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { detectors } from './detectors.ts';
import { decode } from './g711.ts';
import type { VoiceActivity } from './voice-activity.ts';

const [startMs, stopMs] = [60, 200];
const spoken = decode(
  'PCMU',
  await espeak(espeakSettings.parse({})).speak(
    { text: 'запишите меня на стрижку', language: 'ru-RU', voice: 'ru+f4' },
    AbortSignal.timeout(60_000),
  ),
);
const spokenMs = spoken.length / 8;
/** White noise as loud as speech. */
const noise = (ms: number): Int16Array => {
  const random = seededRandom(3);
  return Int16Array.from({ length: ms * 8 }, () => (random() - 0.5) * 6_000);
};
const names = ['fvad', 'silero'] as const;
/** Edges with the times at which a talk learns of them. */
async function edgesIn(name: (typeof names)[number], samples: Int16Array, isMasked = false) {
  const detector: VoiceActivity & { readonly judged?: Promise<void> } = (await detectors[name]())({ startMs, stopMs });
  const edges: { readonly edge: string; readonly atMs: number }[] = [];
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    const edge = detector.push(samples.subarray(at, at + 160), isMasked);
    if (edge !== null) edges.push({ edge, atMs: at / 8 + 20 });
    await detector.judged;
  }
  detector.close();
  return edges;
}
const between = (leadMs: number, samples: Int16Array): Int16Array => {
  const line = new Int16Array(2 * leadMs * 8 + samples.length);
  line.set(samples, leadMs * 8);
  return line;
};

test.each(names)('%s finds the beginning of speech and its end after the silence that ends it', async (name) => {
  const [first, ...others] = await edgesIn(name, between(1_000, spoken));
  const last = others.at(-1);
  expect([first?.edge, last?.edge]).toEqual(['started', 'stopped']);
  expect(first?.atMs).toBeGreaterThanOrEqual(1_000 + startMs);
  expect(first?.atMs).toBeLessThan(1_000 + startMs + 300);
  expect(last?.atMs).toBeGreaterThan(1_000 + spokenMs - 300);
  expect(last?.atMs).toBeLessThan(1_000 + spokenMs + stopMs + 100);
});

test.each(names)('%s hears nothing in silence, nor in what may be an echo', async (name) => {
  expect(await edgesIn(name, new Int16Array(16_000))).toEqual([]);
  expect(await edgesIn(name, spoken, true)).toEqual([]);
});

test('silero does not take noise as loud as speech for speech, and fvad does', async () => {
  const line = between(1_000, noise(2_000));
  expect((await edgesIn('silero', line)).length).toBe(0);
  expect((await edgesIn('fvad', line)).length).toBeGreaterThan(0);
});

test('silero judges several calls at once as one by one', async () => {
  const line = between(500, spoken);
  const alone = await edgesIn('silero', line);
  const others = await Promise.all([line, new Int16Array(16_000), line].map((each) => edgesIn('silero', each)));
  expect(others).toEqual([alone, [], alone]);
});
