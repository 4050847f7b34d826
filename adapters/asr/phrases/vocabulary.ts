import { PolybError } from '../../../contracts/kit/errors.ts';
import { decode } from '../../../media/audio/g711.ts';
import type { Tts } from '../../tts/port.ts';
import type { HearOptions } from '../port.ts';
import type { EarThread } from './ear-thread.ts';
import { ruPhrases } from './ru.ts';

export interface Vocabulary {
  /** The phrases to hear, all of them learned. @throws PolybError failed_precondition/no_vocabulary; unavailable when they cannot be spoken */
  phrasesFor(options: HearOptions, signal: AbortSignal): Promise<readonly string[]>;
}

/**
 * Variants of the built-in voice that speak each phrase, and how fast, in words a minute: people are heard best if the voices differ much,
 * and do not hurry.
 */
export const takeVoices = ['', '+f2', '+m3', '+m7', '+f5', '+klatt2'] as const;
export const takeRate = 145;
/** How long a phrase may take to be spoken and compared on a busy machine. */
const learnMs = 60_000;
/** Hints that stay learned. */
const mostLearned = 2_000;
/** Speech is cut where it is quieter than this, of 16 bits. */
const quiet = 200;

/** Learns hints as they come, by letting the voice speak them. */
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
        void thread.order({ do: 'forget', phrase: key }, signal).catch(() => {}); // a thread that ended has forgotten it
      }
      await Promise.all(wanted.map((phrase) => learned.get(keyOf(phrase, language))));
      generation = thread.generation;
      return wanted.map((phrase) => (builtIn.has(phrase) ? phrase : keyOf(phrase, language)));
    },
  };
}

/** A phrase sounds as the language reads it. */
const keyOf = (phrase: string, language: string): string => `${language.split('-')[0]}:${phrase}`;
/** The phrase as it was given. */
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

/** Without the silence on both sides. */
export function trimmed(samples: Int16Array): Int16Array {
  const isLoud = (sample: number): boolean => Math.abs(sample) >= quiet;
  const from = samples.findIndex(isLoud);
  return from < 0 ? new Int16Array(0) : samples.slice(from, samples.findLastIndex(isLoud) + 1);
}
