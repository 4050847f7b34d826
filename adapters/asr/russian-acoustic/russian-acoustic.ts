/**
 * An ear that needs no key, for Russian sentences of a sales desk: an acoustic model of one man's recordings and synthetic voices, and a
 * language model of about 600 words, with another one for phones where one is expected, both made by `scripts/acoustic/` and decoded by pocketsphinx.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Ear, HearOptions } from '../port.ts';
import { samplesMs } from '../times.ts';
import { hearUtterances, type ReaderOf, utterancesOf } from '../utterances.ts';
import { createDecoder, type DecodedWord } from './decoder.ts';

export const russianAcousticSettings = z.object({
  POCKETSPHINX_PROGRAM: text({ max: 300 })
    .default('pocketsphinx_batch')
    .describe('The program pocketsphinx_batch: a path, or a name on PATH.'),
});
const model = join(import.meta.dirname, 'ru');
/** Speech is refused if the probability of one of its words is less: see docs/how-to/hear-and-speak.md for the effect. */
const leastShare = 0.6;

export function russianAcousticEar({ POCKETSPHINX_PROGRAM: program }: z.output<typeof russianAcousticSettings>): Ear {
  const decode = createDecoder(program, model);

  function readers({ language, expects = () => [] }: HearOptions, signal: AbortSignal): ReaderOf {
    if (language.split('-')[0] !== 'ru')
      throw new PolybError('failed_precondition', `The ear russian-acoustic hears Russian, and not ${language}: set ASR_KIND.`, {
        reason: 'no_vocabulary',
      });
    return (samples) => {
      let [known, knownKey] = [undefined as readonly DecodedWord[] | undefined, ''];
      return async (pieces) => {
        const [from, to] = [pieces[0]?.from ?? 0, pieces.at(-1)?.to ?? 0];
        const sentences = expects().some((each) => each === 'phone' || each === 'number') ? 'phone' : 'desk';
        const key = `${sentences}-${from}-${to}`;
        if (known === undefined || key !== knownKey) [known, knownKey] = [await decode(samples(from, to), signal, sentences), key];
        const share = known.reduce((least, word) => Math.min(least, word.share), 1);
        if (known.length === 0 || share < leastShare) return null;
        const startMs = samplesMs(from);
        return {
          text: known.map(({ text }) => text).join(' '),
          confidence: Math.round(share * 100) / 100,
          words: known.map(({ text, startMs: start, endMs: end, share }) => ({
            ...{ text, startMs: startMs + start, endMs: startMs + end },
            confidence: Math.round(share * 100) / 100,
          })),
          from,
          to,
        };
      };
    };
  }
  return {
    provider: 'russian-acoustic',
    languages: ['ru'],
    vocabulary: 'open',
    hasWordTimes: true,
    limits:
      'It hears Russian sentences of about 600 words of a sales desk, best from one man whose recordings it was trained on, and takes other words for some of these.',
    async *hear(spoken, options, signal) {
      yield* hearUtterances(spoken, readers(options, signal));
    },
    recognize: async (recording, options, signal) => await utterancesOf(recording, readers(options, signal)),
  };
}
