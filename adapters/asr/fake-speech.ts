/**
 * Speech for fake ears and voices: each letter is 20 ms of a tone whose level encodes it, and a word ends with a pause. It survives G.711
 * and resampling, so one fake can understand another, and a test detects every lost or repeated word.
 */
import { decode, encode, rateHz } from '../../media/audio/g711.ts';
import type { Word } from './port.ts';

const letters = 'абвгдеёжзийклмнопрстуфхцчшщъыьэюя0123456789';
const frame = (rateHz * 20) / 1_000;
/** Periods of 500 Hz fit into a frame. */
const period = rateHz / 500;
const [quietest, ratio] = [1_000, 1.075];
const gapMs = 80;
const amplitudeOf = (letter: number): number => quietest * ratio ** letter;

/** The text as G.711 μ-law. Letters without a code are skipped. */
export function fakeSpeechOf(text: string): Uint8Array {
  const parts = fakeWordsOf(text).flatMap((word) => [
    ...[...word].map((letter) => {
      const amplitude = amplitudeOf(letters.indexOf(letter));
      return encode(
        'PCMU',
        Int16Array.from({ length: frame }, (_, nth) => amplitude * Math.sin((2 * Math.PI * nth) / period)),
      );
    }),
    new Uint8Array((gapMs * rateHz) / 1_000).fill(0xff),
  ]);
  return Buffer.concat(parts);
}
/** The words of a text, reduced to letters of the code. */
export const fakeWordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[абвгдеёжзийклмнопрстуфхцчшщъыьэюя0-9]+/g) ?? [];

export interface FakeEar {
  /** Returns the words that this audio completes. */
  push(pcmu: Uint8Array): readonly Word[];
  /** Ends the current word. */
  end(): readonly Word[];
  readonly atMs: number;
  /** Silence since the last word or the beginning; 0 within a word. */
  readonly silenceMs: number;
}
export function createFakeEar(): FakeEar {
  let at = 0;
  let silence = 0;
  let word: number[] = [];
  let from = 0;
  const end = (): readonly Word[] => {
    // Silence that ended the word, if any, is not part of it.
    const said = word.slice(0, word.length - silence);
    word = [];
    if (said.length < frame / 2) return [];
    const text = Array.from({ length: Math.round(said.length / frame) }, (_, nth) => letterOf(said.slice(nth * frame, (nth + 1) * frame)));
    return [{ text: text.join(''), startMs: msOf(from), endMs: msOf(from + said.length), confidence: 0.9 }];
  };
  return {
    push(pcmu) {
      const words: Word[] = [];
      for (const sample of decode('PCMU', pcmu)) {
        silence = Math.abs(sample) < 64 ? silence + 1 : 0;
        if (word.length > 0) word.push(sample);
        else if (silence === 0) {
          word.push(sample);
          from = at;
        }
        at += 1;
        if (word.length > 0 && silence >= (rateHz * gapMs) / 2_000) words.push(...end());
      }
      return words;
    },
    end,
    get atMs() {
      return msOf(at);
    },
    get silenceMs() {
      return word.length > 0 ? 0 : msOf(silence);
    },
  };
}
/** The words of a whole recording. */
export function fakeHeard(pcmu: Uint8Array): readonly Word[] {
  const ear = createFakeEar();
  return [...ear.push(pcmu), ...ear.end()];
}

function letterOf(samples: readonly number[]): string {
  // Whole periods in the middle: the edges belong to two letters once a filter has passed.
  const middle = samples.slice(3 * (period / 2), samples.length - 3 * (period / 2));
  const rms = Math.sqrt(middle.reduce((sum, sample) => sum + sample ** 2, 0) / Math.max(1, middle.length));
  const letter = Math.round(Math.log((rms * Math.SQRT2) / quietest) / Math.log(ratio));
  return letters[Math.max(0, Math.min(letters.length - 1, letter))] as string;
}
const msOf = (samples: number): number => Math.round((samples * 1_000) / rateHz);
