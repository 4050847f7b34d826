/**
 * An ear that needs no key: it recognizes whole phrases of a list, by any speaker, and refuses other speech. It compares speech with takes
 * of the built-in voice by the speech embedding of features.ts.
 */
import type { z } from 'zod';
import { espeak, espeakSettings } from '../../tts/espeak.ts';
import type { Ear, HearOptions } from '../port.ts';
import { hearUtterances, type ReaderOf, utterancesOf } from '../utterances.ts';
import { createEarThread } from './ear-thread.ts';
import type { Match } from './matcher.ts';
import { confidenceOf, phrasesOf } from './utterance.ts';
import { phraseOf, takeRate, trimmed, vocabulary } from './vocabulary.ts';

export const phrasesSettings = espeakSettings;

export function phrasesEar(settings: z.output<typeof espeakSettings>): Ear {
  const thread = createEarThread();
  const words = vocabulary(thread, espeak(settings, takeRate));

  async function readers(options: HearOptions, signal: AbortSignal): Promise<ReaderOf> {
    thread.open();
    const phrases = await words.phrasesFor(options, signal);
    return (samples) => {
      /** Caches comparisons for when the utterance is read again. */
      const known = new Map<string, Match | null>();
      const match = async (from: number, to: number): Promise<Match | null> => {
        const key = `${from}-${to}`;
        const before = known.get(key);
        if (before !== undefined) return before;
        const found = await thread.order({ do: 'match', speech: trimmed(samples(from, to)), phrases }, signal);
        known.set(key, found);
        return found;
      };
      return async (pieces) => {
        const read = await phrasesOf(pieces, match);
        const [first, last] = [read[0], read.at(-1)];
        if (first === undefined || last === undefined) return null;
        const text = read.map(({ phrase }) => phraseOf(phrase)).join(' ');
        return { text, confidence: confidenceOf(read), words: [], from: first.from, to: last.to };
      };
    };
  }
  return {
    provider: 'phrases',
    languages: [],
    vocabulary: 'closed',
    hasWordTimes: false,
    limits:
      'It hears whole phrases of a list (hints, or about 100 Russian ones of a sales desk), no other words, and no names or numbers beyond it.',
    async *hear(spoken, options, signal) {
      yield* hearUtterances(spoken, await readers(options, signal));
    },
    recognize: async (recording, options, signal) => await utterancesOf(recording, await readers(options, signal)),
    close: thread.close,
  };
}
