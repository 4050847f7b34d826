import { PolybError } from '../../../contracts/kit/errors.ts';
import { decode } from '../../../media/audio/g711.ts';
import type { Tts } from '../../tts/port.ts';
import type { HearOptions } from '../port.ts';
import type { EarThread } from './ear-thread.ts';
import { ruPhrases } from './ru.ts';

export interface Vocabulary {
  /**
   * The phrases to recognize, all of them learned. @throws PolybError failed_precondition/no_vocabulary; unavailable if they cannot be
   * spoken
   */
  phrasesFor(options: HearOptions, signal: AbortSignal): Promise<readonly string[]>;
}

/**
 * Variants of the built-in voice that speak each phrase, and their pace in words per minute: recognition of people is best with very
 * different, unhurried voices.
 */
export const takeVoices = ['', '+f2', '+m3', '+m7', '+f5', '+klatt2'] as const;
export const takeRate = 145;
/** Time limit for synthesizing and learning a phrase on a busy machine. */
const learnMs = 60_000;
/** Maximum learned hints. */
const mostLearned = 2_000;
/** Speech is trimmed where it is quieter than this, in 16-bit samples. */
const quiet = 200;

/** Learns hints on demand by letting the voice speak them. */
export function vocabulary(thread: EarThread, tts: Tts): Vocabulary {
  const builtIn = new Set(ruPhrases);
  let generation = -1;
  const learned = new Map<string, Promise<void>>();
  let last: Promise<void> = Promise.resolve();
  const learn = async (phrase: string, language: string, signal: AbortSignal): Promise<void> => {
    const takes = await takesOf(phrase, language, tts, signal);
    if (takes.some(({ length }) => length === 0)) return; // a hint without a sound
    await thread.order({ do: 'learn', phrase, takes }, signal);
  };
  return {
    async phrasesFor({ language, hints }, signal) {
      if (hints.length === 0) {
        if (language.split('-')[0] === 'ru') return ruPhrases;
        throw new PolybError('failed_precondition', `The built-in ear knows no phrases in ${language}: pass hints, or set ASR_KIND.`, {
          reason: 'no_vocabulary',
        });
      }
      if (generation !== thread.generation) learned.clear();
      const wanted = [...new Set(hints)];
      for (const phrase of wanted) {
        if (builtIn.has(phrase)) continue;
        const key = keyOf(phrase, language);
        let work = learned.get(key);
        if (work === undefined) {
          // Several callers share the work, so it has a time limit of its own; one phrase at a time, so that a long list is within it.
          work = last.then(() => learn(key, language, AbortSignal.timeout(learnMs)));
          last = work.catch(() => void learned.delete(key));
        }
        learned.delete(key);
        learned.set(key, work);
      }
      for (const key of [...learned.keys()].slice(0, Math.max(0, learned.size - mostLearned))) {
        learned.delete(key);
        void thread.order({ do: 'forget', phrase: key }, signal).catch(() => {}); // an ended thread has forgotten the phrases
      }
      await Promise.all(wanted.map((phrase) => learned.get(keyOf(phrase, language))));
      generation = thread.generation;
      return wanted.map((phrase) => (builtIn.has(phrase) ? phrase : keyOf(phrase, language)));
    },
  };
}

/** The pronunciation of a phrase depends on the language. */
const keyOf = (phrase: string, language: string): string => `${language.split('-')[0]}:${phrase}`;
/** The original phrase of a key. */
export const phraseOf = (key: string): string => key.replace(/^[a-z]{2,3}:/, '');

/** The phrase as each of the voices speaks it. */
export async function takesOf(phrase: string, language: string, tts: Tts, signal: AbortSignal): Promise<readonly Int16Array[]> {
  const text = phraseOf(phrase);
  const family = language.split('-')[0] ?? language;
  const takes: Int16Array[] = [];
  for (const variant of takeVoices)
    takes.push(trimmed(decode('PCMU', await tts.speak({ text, language, voice: `${family}${variant}` }, signal))));
  return takes;
}

/** Removes the silence on both sides. */
export function trimmed(samples: Int16Array): Int16Array {
  const isLoud = (sample: number): boolean => Math.abs(sample) >= quiet;
  const from = samples.findIndex(isLoud);
  return from < 0 ? new Int16Array(0) : samples.slice(from, samples.findLastIndex(isLoud) + 1);
}
