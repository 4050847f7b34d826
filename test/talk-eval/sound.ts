/** Sounds of callers at 8 kHz, with their words and times. */
import { rateHz } from '../../media/audio/g711.ts';
import { levelDb } from '../../media/audio/speech.ts';

/** Times are ms from the beginning. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}
export interface Word extends Stretch {
  readonly text: string;
}
export interface Sound {
  readonly samples: Int16Array;
  readonly words: readonly Word[];
  /** Pauses between words that could be mistaken for the end of the turn. */
  readonly pauses: readonly Stretch[];
}
/** A shorter silence is part of a word. */
export const shortestPauseMs = 200;
const perMs = rateHz / 1_000;
export const msOf = (samples: Int16Array): number => samples.length / perMs;
/** The quietest frame of speech is this far below its level, dB. */
const speechBelowDb = 25;

/** Spreads the words of a text over a time span in proportion to their letters. */
export function spread(text: string, from: number, to: number): readonly Word[] {
  const words = text
    .toLowerCase()
    .replaceAll('+', '')
    .split(/[^\p{L}\p{N}-]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  let at = from;
  return words.map((word) => {
    const begin = at;
    at += ((to - from) * (word.length + 1)) / letters;
    return { text: word, from: begin, to: at };
  });
}
/** Removes the silence at both ends. */
export function trimmed(samples: Int16Array): Int16Array {
  const least = levelDb(samples) - speechBelowDb;
  const frame = 10 * perMs;
  const isLoud = (at: number): boolean => levelDb(samples.subarray(at, at + frame)) > least;
  let [from, to] = [0, samples.length - (samples.length % frame)];
  while (from < to && !isLoud(from)) from += frame;
  while (to > from && !isLoud(to - frame)) to -= frame;
  return samples.subarray(from, to);
}
/** Joins sounds with pauses between them. */
export function joined(parts: readonly Sound[], pausesMs: readonly number[]): Sound {
  const gaps = parts.map((_, nth) => (nth < parts.length - 1 ? Math.round(pausesMs[nth] ?? 0) : 0));
  const length = parts.reduce((sum, { samples }, nth) => sum + samples.length + (gaps[nth] ?? 0) * perMs, 0);
  const samples = new Int16Array(length);
  const words: Word[] = [];
  const pauses: Stretch[] = [];
  let at = 0;
  for (const [nth, part] of parts.entries()) {
    const ms = at / perMs;
    samples.set(part.samples, at);
    words.push(...part.words.map((word) => ({ ...word, from: word.from + ms, to: word.to + ms })));
    pauses.push(...part.pauses.map(({ from, to }) => ({ from: from + ms, to: to + ms })));
    at += part.samples.length;
    const gap = gaps[nth] ?? 0;
    if (gap >= shortestPauseMs) pauses.push({ from: at / perMs, to: at / perMs + gap });
    at += gap * perMs;
  }
  return { samples, words, pauses };
}
/** Scales sound to a level of speech, dB of full scale. */
export function atLevel(samples: Int16Array, db: number): Int16Array {
  const gain = 10 ** ((db - speechLevelDb(samples)) / 20);
  return samples.map((sample) => Math.max(-32_000, Math.min(32_000, sample * gain)));
}
/** The level of the louder half of the frames, which excludes pauses. */
function speechLevelDb(samples: Int16Array): number {
  const frame = 20 * perMs;
  const levels: number[] = [];
  for (let at = 0; at + frame <= samples.length; at += frame) levels.push(levelDb(samples.subarray(at, at + frame)));
  const loud = levels.toSorted((a, b) => b - a).slice(0, Math.ceil(levels.length / 2));
  return 10 * Math.log10(loud.reduce((sum, db) => sum + 10 ** (db / 10), 0) / Math.max(1, loud.length));
}
/** White noise through a one-pole low-pass: a room, a street. */
export function noise(ms: number, random: () => number, smooth = 0.8): Int16Array {
  let held = 0;
  return Int16Array.from({ length: Math.round(ms) * perMs }, () => {
    held = smooth * held + (1 - smooth) * (random() - 0.5);
    return held * 20_000;
  });
}
/** A decaying burst, like a cough, a knock or a door. */
export function burst(ms: number, random: () => number): Int16Array {
  const sound = noise(ms, random, 0.4);
  return sound.map((sample, at) => sample * Math.min(1, at / 80) * Math.exp((-3 * at) / sound.length));
}
/** Chords that change four times a second. */
export function music(ms: number, random: () => number): Int16Array {
  const length = Math.round(ms) * perMs;
  const chords = Array.from({ length: Math.ceil(ms / 250) }, () =>
    [1, 1.25, 1.5].map((ratio) => 200 * 2 ** (Math.floor(random() * 12) / 12) * ratio),
  );
  return Int16Array.from({ length }, (_, at) => {
    const chord = chords[Math.floor(at / (250 * perMs))] ?? [];
    return chord.reduce((sum, hz) => sum + 4_000 * Math.sin((2 * Math.PI * hz * at) / rateHz), 0);
  });
}
/** Changes pitch and pace by playing the sound faster or slower. */
export function pitched(sound: Sound, ratio: number): Sound {
  const samples = Int16Array.from({ length: Math.floor(sound.samples.length / ratio) }, (_, at) => {
    const exact = at * ratio;
    const left = Math.floor(exact);
    const [a, b] = [sound.samples[left] ?? 0, sound.samples[left + 1] ?? 0];
    return a + (b - a) * (exact - left);
  });
  const scaled = <S extends Stretch>(stretch: S): S => ({ ...stretch, from: stretch.from / ratio, to: stretch.to / ratio });
  return { samples, words: sound.words.map(scaled), pauses: sound.pauses.map(scaled) };
}
