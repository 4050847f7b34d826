import { expect, test } from '@jest/globals';
import type { Ear } from '../../adapters/asr/port.ts';
import { followRecording } from './recognize.ts';

test('what is heard in the first minute is reported before the next one is heard', async () => {
  const parts: number[] = [];
  const ear: Ear = {
    ...{ provider: 'test', languages: [], vocabulary: 'open', hasWordTimes: false, limits: null },
    async *hear() {},
    async recognize({ length }) {
      parts.push(length);
      return [{ kind: 'final', text: `part ${parts.length}`, confidence: null, words: [], startMs: 500, endMs: 900 }];
    },
  };
  const counts = { audio: () => {}, finals: () => {} };
  const follow = followRecording({ ear, blobs: { read: async () => null }, maxMs: 900_000, counts });
  const audio = new Uint8Array(150 * 8_000).fill(0xff);
  const signal = AbortSignal.timeout(10_000);
  const heard: { readonly text: string; readonly parts: number; readonly startMs: number }[] = [];
  const request = { audio, contentType: 'audio/basic', language: 'ru-RU' };
  for await (const { text, startMs } of follow(request, nothing(), { signal } as Parameters<typeof follow>[2]))
    heard.push({ text, parts: parts.length, startMs });
  expect(parts.length).toBeGreaterThan(2);
  expect(heard.map((one) => [one.text, one.parts])).toEqual(parts.map((_, nth) => [`part ${nth + 1}`, nth + 1]));
  expect(Math.max(...parts)).toBeLessThanOrEqual(60 * 8_000);
  expect(parts.reduce((sum, each) => sum + each, 0)).toBe(audio.length);
  expect(heard[1]?.startMs).toBe(500 + (parts[0] ?? 0) / 8);
});
async function* nothing(): AsyncGenerator<never> {}
