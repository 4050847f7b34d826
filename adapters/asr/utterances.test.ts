import { expect, test } from '@jest/globals';
import { inFrames, itemsOf } from './conformance.ts';
import { fakeHeard, fakeSpeechOf } from './fake-speech.ts';
import type { SpokenItem } from './port.ts';
import { hearClips } from './utterances.ts';

const options = { language: 'ru-RU', hints: [] };
const signal = AbortSignal.timeout(60_000);
const pause = (ms: number) => new Uint8Array(8 * ms).fill(0xff);
const given = async function* (...items: readonly SpokenItem[]) {
  yield* items;
};
const textOf = (clip: Uint8Array) =>
  fakeHeard(clip)
    .map(({ text }) => text)
    .join(' ');

test('a provider of clips is asked once for an utterance, with all of its pauses', async () => {
  const clips: number[] = [];
  const hear = hearClips(async (clip) => {
    clips.push(clip.length / 8);
    return textOf(clip);
  });
  const parts = Array.from({ length: 14 }, (_, nth) => [fakeSpeechOf(`часть ${nth}`), pause(300)]).flat();
  const heard = await itemsOf(hear(given(...inFrames(pause(500), ...parts, pause(1_000)), { finalize: true }), options, signal));
  expect(clips).toHaveLength(1);
  expect(heard).toEqual([
    expect.objectContaining({ kind: 'final', text: Array.from({ length: 14 }, (_, nth) => `часть ${nth}`).join(' ') }),
    { kind: 'finalized' },
  ]);
});

test('speech that never pauses reaches a provider in clips of a limited length', async () => {
  const clips: number[] = [];
  const hear = hearClips(async (clip) => {
    clips.push(clip.length / 8);
    return 'речь';
  }, 3_000);
  const speech = fakeSpeechOf('слово '.repeat(60));
  const heard = await itemsOf(hear(given(...inFrames(pause(500), speech)), options, signal));
  expect(clips.length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...clips)).toBeLessThan(3_500);
  for (const [nth, item] of heard.entries())
    expect(item).toMatchObject({ kind: 'final', startMs: expect.closeTo(500 + nth * 3_000, -2.5) });
});

test('a click is no utterance, and costs no request', async () => {
  let requests = 0;
  const hear = hearClips(async () => {
    requests += 1;
    return '';
  });
  const click = fakeSpeechOf('я').slice(0, 160);
  expect(await itemsOf(hear(given(...inFrames(pause(500), click, pause(1_000)), { finalize: true }), options, signal))).toEqual([
    { kind: 'finalized' },
  ]);
  expect(requests).toBe(0);
});
