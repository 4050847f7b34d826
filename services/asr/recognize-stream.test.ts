import { expect, test } from '@jest/globals';
import type { Ear } from '../../adapters/asr/port.ts';
import { recognizeStream } from './recognize-stream.ts';

test('an ear knows at each request for finals what is expected then, and not that it was said', async () => {
  const ear: Ear = {
    provider: 'fake',
    languages: [],
    vocabulary: 'open',
    hasWordTimes: false,
    limits: null,
    async *hear(spoken, { expects = () => [] }) {
      for await (const item of spoken)
        yield {
          kind: 'final',
          text: item instanceof Uint8Array ? 'audio' : `expects ${expects().join()}`,
          confidence: null,
          words: [],
          startMs: 0,
          endMs: 0,
        };
    },
    recognize: async () => [],
  };
  async function* up() {
    yield { finalize: true as const };
    yield { expects: ['phone' as const] };
    yield new Uint8Array(160);
    yield { finalize: true as const };
    yield { expects: [] };
    yield { finalize: true as const };
  }
  const heard: string[] = [];
  const hear = recognizeStream(ear, { audio() {}, finals() {} } as never);
  for await (const item of hear({ language: 'ru-RU' }, up() as never, { signal: AbortSignal.timeout(10_000) } as never))
    heard.push(item.kind === 'final' ? item.text : item.kind);
  expect(heard).toEqual(['expects ', 'audio', 'expects phone', 'expects ']);
});
