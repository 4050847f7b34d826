/** Tests that every voice must pass. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { decode } from '../../media/audio/g711.ts';
import { levelDb } from '../../media/audio/speech.ts';
import type { SpokenWord, TtsProvider } from './port.ts';
import { msOf, streamOf, wholeOf } from './streamed.ts';

export interface VoiceUnderTest {
  readonly tts: TtsProvider;
  /** A language of the voice, with two sentences in it. */
  readonly language: string;
  readonly sentences: readonly [string, string];
  /** A number of characters above the provider's limit for a request; default: no limit. */
  readonly longText?: number;
  /** What a listener understands; default: not checked. */
  readonly heard?: (pcmu: Uint8Array) => string;
  /** The provider reports words with their times. */
  readonly hasWordTimes?: true;
  stop?(): Promise<void>;
}

export function voiceConformance(name: string, make: () => Promise<VoiceUnderTest>): void {
  describe(`${name} is a voice`, () => {
    const made = make();
    afterAll(async () => (await made).stop?.());
    const signal = AbortSignal.timeout(120_000);

    test('a text is spoken from its first sound on, at the pace of a person', async () => {
      const { tts, language, sentences } = await made;
      const audio = await tts.speak({ text: sentences[0], language }, signal);
      const ms = audio.length / 8;
      expect(ms / sentences[0].length).toBeGreaterThan(15);
      expect(ms / sentences[0].length).toBeLessThan(250);
      expect(levelDb(decode('PCMU', audio.subarray(0, 800)))).toBeGreaterThan(-50);
    });

    test('what is streamed is what is spoken whole', async () => {
      const { tts, language, sentences } = await made;
      const request = { text: sentences.join(' '), language };
      const { audio } = await wholeOf(streamOf(tts, request, signal));
      expect(Buffer.compare(audio, await tts.speak(request, signal))).toBe(0);
    });

    test('a text longer than a request of the provider is spoken to its end, and no word of it twice', async () => {
      const { tts, language, sentences, heard, longText = 1 } = await made;
      const texts: string[] = [];
      while (texts.join(' ').length <= longText) texts.push(...sentences);
      const text = texts.join(' ');
      const { audio } = await wholeOf(streamOf(tts, { text, language }, signal));
      if (heard === undefined) expect(audio.length).toBeGreaterThan(0);
      else
        expect(heard(audio)).toBe(
          heard(Buffer.concat(await Promise.all(texts.map((each) => tts.speak({ text: each, language }, signal))))),
        );
    });

    test('words, where they are reported, are in order and inside the audio', async () => {
      const { tts, language, sentences, hasWordTimes } = await made;
      const { audio, words } = await wholeOf(streamOf(tts, { text: sentences.join(' '), language }, signal));
      expect(words.length > 0).toBe(hasWordTimes === true);
      let last: SpokenWord = { text: '', startMs: 0, endMs: 0 };
      for (const word of words) {
        expect(word.startMs).toBeGreaterThanOrEqual(last.endMs - 1);
        expect(word.endMs).toBeGreaterThan(word.startMs);
        last = word;
      }
      expect(last.endMs).toBeLessThanOrEqual(msOf(audio.length));
    });

    test('voices of a language begin with its default, and each is spoken', async () => {
      const { tts, language, sentences } = await made;
      const [first, second] = await tts.voices(language, signal);
      const [own, named] = [
        await tts.speak({ text: sentences[0], language }, signal),
        await tts.speak({ text: sentences[0], language, voice: first?.voice }, signal),
      ];
      expect(Buffer.compare(own, named)).toBe(0);
      expect((await tts.speak({ text: sentences[0], language, voice: second?.voice }, signal)).length).toBeGreaterThan(0);
      expect((await tts.voices(undefined, signal)).some((voice) => voice.language.split('-')[0] === language.split('-')[0])).toBe(true);
    });

    test('a listener that leaves ends it', async () => {
      const { tts, language, sentences } = await made;
      const items = streamOf(tts, { text: sentences.join(' '), language }, signal)[Symbol.asyncIterator]();
      expect((await items.next()).done).toBe(false);
      await items.return?.(undefined);
      await expect(wholeOf(streamOf(tts, { text: 'x', language }, AbortSignal.abort(new Error('left'))))).rejects.toThrow();
    });
  });
}
