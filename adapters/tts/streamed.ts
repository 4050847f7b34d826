/** Helpers for streams of speech. */
import { decode, rateHz } from '../../media/audio/g711.ts';
import { trimHead } from '../../media/audio/trim.ts';
import type { Speak, SpeechItem, SpokenBy, SpokenWord, Tts } from './port.ts';

export interface Speech {
  readonly audio: Uint8Array;
  readonly words: readonly SpokenWord[];
  /** With several voices, the one that spoke last. */
  readonly by: SpokenBy | null;
}

/** The stream of a voice; a voice that makes only whole texts yields one piece. */
export async function* streamOf(tts: Tts, speak: Speak, signal: AbortSignal): AsyncGenerator<SpeechItem> {
  if (tts.stream === undefined) yield await tts.speak(speak, signal);
  else yield* tts.stream(speak, signal);
}
export async function wholeOf(items: AsyncIterable<SpeechItem>): Promise<Speech> {
  const pieces: Uint8Array[] = [];
  const words: SpokenWord[] = [];
  let by: SpokenBy | null = null;
  for await (const item of items) {
    if (item instanceof Uint8Array) pieces.push(item);
    else if ('words' in item) words.push(...item.words);
    else by = item.by;
  }
  return { audio: Buffer.concat(pieces), words, by };
}
/** `speak` for a voice that streams. */
export function spokenWhole(stream: NonNullable<Tts['stream']>): Tts['speak'] {
  return async (speak, signal) => (await wholeOf(stream(speak, signal))).audio;
}

/** Removes the silence before the first sound, and shifts the times of words accordingly. */
export async function* withoutHead(items: AsyncIterable<SpeechItem>): AsyncGenerator<SpeechItem> {
  let held: Uint8Array = new Uint8Array();
  let words: SpokenWord[] = [];
  let cutMs: number | undefined;
  for await (const item of items) {
    if (cutMs !== undefined || 'by' in item) {
      yield 'words' in item ? { words: moved(item.words, -(cutMs ?? 0)) } : item;
      continue;
    }
    if ('words' in item) {
      words.push(...item.words);
      continue;
    }
    held = Buffer.concat([held, item]);
    const left = trimHead(decode('PCMU', held)).length;
    if (left === 0) continue;
    cutMs = msOf(held.length - left);
    yield held.subarray(held.length - left);
    if (words.length > 0) yield { words: moved(words, -cutMs) };
    words = [];
  }
}

/** Speaks several texts one after the other as one stream. */
export async function* joined(parts: readonly string[], speak: (text: string) => AsyncIterable<SpeechItem>): AsyncGenerator<SpeechItem> {
  let bytes = 0;
  for (const part of parts) {
    const beganMs = msOf(bytes);
    for await (const item of speak(part)) {
      if (item instanceof Uint8Array) bytes += item.length;
      yield 'words' in item ? { words: moved(item.words, beganMs) } : item;
    }
  }
}

/** @param bytes of audio */
export const msOf = (bytes: number): number => Math.round((bytes * 1_000) / rateHz);
const moved = (words: readonly SpokenWord[], ms: number): readonly SpokenWord[] =>
  words.map((word) => ({ ...word, startMs: Math.max(0, word.startMs + ms), endMs: Math.max(0, word.endMs + ms) }));
