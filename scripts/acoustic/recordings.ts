/** Debian's festvox-ru: 620 recordings of one man reading literary Russian, 16 kHz, with their texts (BSD-like licence). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PolybError } from '../../contracts/kit/errors.ts';
import { decode, encode } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { readWav } from '../../media/audio/wav.ts';

export const folder = '/usr/share/festival/voices/russian/msu_ru_nsh_clunits';
export interface Recording {
  readonly id: string;
  readonly words: readonly string[];
}
/** The last recordings are kept for tests and never used for training. */
const heldOut = 60;

/** @throws PolybError failed_precondition where the package is not installed */
export async function recordings(): Promise<{ readonly trained: readonly Recording[]; readonly heldOut: readonly Recording[] }> {
  const list = join(folder, 'etc', 'txt.done.data');
  if (!existsSync(list))
    throw new PolybError('failed_precondition', 'The recordings are missing. Install them: apt-get install festvox-ru');
  const all = [...(await readFile(list, 'utf8')).matchAll(/^\(\s*(\S+)\s+"(.*)"/gm)].map(([, id = '', text = '']) => ({
    id,
    words: wordsOf(text),
  }));
  return { trained: all.slice(0, -heldOut), heldOut: all.slice(-heldOut) };
}
/** A `+` before a vowel marks the stress of a word. */
const wordsOf = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replaceAll('+', '')
    .match(/[а-яё]+/g) ?? [];

/** A recording as heard over a phone line, 8 kHz. */
export async function recordingOf(id: string): Promise<Int16Array> {
  return overPhone(readWav(await readFile(join(folder, 'wav', `${id}.wav`))));
}

/** Samples at 8 kHz after G.711. */
export function overPhone({ samples, rateHz }: { readonly samples: Int16Array; readonly rateHz: number }): Int16Array {
  return decode('PCMU', encode('PCMU', resample(samples, rateHz, 8_000)));
}

/** Root mean square of speech. */
export const levelOf = (speech: Int16Array): number =>
  Math.sqrt(speech.reduce((sum, sample) => sum + sample ** 2, 0) / Math.max(1, speech.length));
/** Adds white noise to a signal, `belowDb` below the level of its speech. */
export function withNoise(signal: Int16Array, level: number, belowDb: number, draw: () => number): Int16Array {
  const loud = level * 10 ** (-belowDb / 20) * Math.sqrt(12);
  return signal.map((sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample + (draw() - 0.5) * loud))));
}
