/** Words as tones: a caller says them, and an emulated ear hears which they are. */
import { decode, encode } from '../../media/audio/g711.ts';
import { goertzel } from '../../media/audio/goertzel.ts';
import { makeTone } from '../../media/audio/tones.ts';

export const sentence = ['запишите', 'меня', 'пожалуйста', 'на', 'стрижку', 'завтра'] as const;
const hzOf = new Map<string, number>([...sentence, 'подождите'].map((word, n) => [word, 500 + 300 * n]));
/** A word, and the pause after it, without which a detector of speech takes the tones for a noise. */
const [wordMs, pauseMs] = [320, 80];
const frameBytes = 160;
/** Frames of a word that belong to it for certain; fewer are the edge between two. */
const leastFrames = 6;

export function toneOf(words: readonly string[]): Uint8Array {
  return Buffer.concat(
    words.flatMap((word) => [
      encode('PCMU', makeTone({ hz: [hzOf.get(word) ?? Number.NaN], ms: wordMs, dbm0: -12 })),
      new Uint8Array(pauseMs * 8).fill(0xff),
    ]),
  );
}

export interface WordsIn {
  /** The words that have ended with this audio. */
  push(pcmu: Uint8Array): readonly string[];
  /** The word that was under way. */
  end(): readonly string[];
}
export function wordsIn(): WordsIn {
  let rest: Uint8Array = new Uint8Array(0);
  let [word, frames] = ['', 0];
  const said = (): readonly string[] => {
    const isWord = word !== '' && frames >= leastFrames;
    const found = isWord ? [word] : [];
    [word, frames] = ['', 0];
    return found;
  };
  return {
    push(pcmu) {
      const all = Buffer.concat([rest, pcmu]);
      const found: string[] = [];
      let at = 0;
      for (; at + frameBytes <= all.length; at += frameBytes) {
        const heard = wordOf(decode('PCMU', all.subarray(at, at + frameBytes)));
        if (heard !== word) {
          found.push(...said());
          word = heard;
        }
        frames += 1;
      }
      rest = all.subarray(at);
      return found;
    },
    end() {
      rest = new Uint8Array(0);
      return said();
    },
  };
}
function wordOf(samples: Int16Array): string {
  const levels = [...hzOf].map(([word, hz]) => ({ word, level: goertzel(samples, hz) }));
  const best = levels.reduce((a, b) => (b.level > a.level ? b : a));
  const sum = levels.reduce((all, { level }) => all + level, 0);
  return best.level > 0.6 * sum && samples.some((sample) => Math.abs(sample) > 1_000) ? best.word : '';
}
