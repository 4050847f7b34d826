import { expect, test } from '@jest/globals';
import { inWords } from './in-words.ts';
import type { Speak } from './port.ts';

test('a voice gets a Russian text in words, whole or as a stream, and any other as it is written', async () => {
  const got: string[] = [];
  const tts = inWords({
    provider: 'test',
    voices: async () => [],
    async speak({ text }: Speak) {
      got.push(text);
      return new Uint8Array();
    },
    async *stream({ text }: Speak) {
      got.push(text);
      yield new Uint8Array();
    },
  });
  const { signal } = new AbortController();
  const text = 'в 14:30, 2 500 ₽';
  for (const language of ['ru-RU', 'ru', 'en-US']) await tts.speak({ text, language }, signal);
  for await (const piece of tts.stream?.({ text, language: 'ru-RU' }, signal) ?? []) expect(piece).toEqual(new Uint8Array());
  const words = 'в четырнадцать тридцать, две тысячи пятьсот рублей';
  expect(got).toEqual([words, words, text, words]);
});
