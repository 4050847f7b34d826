/** Support for ears that read an utterance as a whole: finds utterances, gives partials, and handles recordings. */
import { decode, encode, rateHz } from '../../media/audio/g711.ts';
import { createPieces, noiseDb, type Piece } from './pieces.ts';
import type { Ear, Final, HeardItem, HearOptions, SpokenItem } from './port.ts';
import { quietParts } from './quiet-parts.ts';
import { samplesMs } from './times.ts';

/** Text of an utterance, and its range of samples. */
export interface Reading {
  readonly text: string;
  /** From 0 to 1; null if the provider reports none. */
  readonly confidence: number | null;
  readonly words: Final['words'];
  readonly from: number;
  readonly to: number;
}
/** Reads an utterance from its completed pieces. It is called again when there are more. */
export type Reader = (pieces: readonly Piece[]) => Promise<Reading | null>;
/** Creates a reader for each utterance; `samples` returns the samples of a range. */
export type ReaderOf = (samples: (from: number, to: number) => Int16Array) => Reader;

export interface UtteranceOptions {
  /** The noise level, if known from the start. */
  readonly floorDb?: number;
  /** Reads an utterance only when it has ended, without partials. */
  readonly onlyWhole?: true;
  /** A longer utterance is split here. */
  readonly longestMs?: number;
}

/** A pause that ends an utterance. */
const endMs = 700;
/** An utterance of this many pieces is split, since each reading costs more than the last. */
const mostPieces = 12;
/** Maximum length of a clip for a provider. */
const longestClipMs = 60_000;
/** Audio added around speech, whose ends are soft. */
const aroundClip = (200 * rateHz) / 1_000;
/** A recording is passed to the ear one second at a time. */
const partBytes = rateHz;
/** Upper limit of the noise level, for recordings without pauses. */
const quietestNoiseDb = -25;

export async function* hearUtterances(
  spoken: AsyncIterable<SpokenItem> | Iterable<SpokenItem>,
  readerOf: ReaderOf,
  { floorDb, onlyWhole, longestMs = 15_000 }: UtteranceOptions = {},
): AsyncGenerator<HeardItem> {
  const pieces = createPieces(floorDb === undefined ? {} : { floorDb });
  const audio = keptAudio();
  let waiting: Piece[] = [];
  let guessed = '';
  let read = readerOf(audio.between);
  const settle = async (): Promise<readonly Final[]> => {
    const reading = waiting.length === 0 ? null : await read(waiting);
    waiting = [];
    guessed = '';
    read = readerOf(audio.between);
    audio.dropBefore(pieces.speechFrom ?? audio.length);
    return reading === null ? [] : [finalOf(reading)];
  };
  for await (const item of spoken) {
    if ('finalize' in item) {
      const last = pieces.end();
      if (last !== null) waiting.push(last);
      yield* await settle();
      yield { kind: 'finalized' };
      continue;
    }
    const samples = decode('PCMU', item);
    audio.add(samples);
    const made = pieces.push(samples);
    waiting.push(...made);
    const isLong = samplesMs(audio.length - (waiting[0]?.from ?? pieces.speechFrom ?? audio.length)) > longestMs;
    // Speech without any pause is cut at this point, so that the buffer stays bounded.
    const cut = isLong && waiting.length === 0 ? pieces.end() : null;
    if (cut !== null) waiting.push(cut);
    const isFull = isLong || (onlyWhole === undefined && waiting.length >= mostPieces);
    if (waiting.length > 0 && (isFull || pieces.silenceMs >= endMs)) yield* await settle();
    else if (made.length > 0 && onlyWhole === undefined) {
      const text = (await read(waiting))?.text ?? '';
      if (text !== '' && text !== guessed) yield { kind: 'partial', text };
      guessed = text;
    } else if (waiting.length === 0 && pieces.speechFrom === null) audio.dropBefore(audio.length - rateHz);
  }
}

/** The utterances of a recording. */
export async function utterancesOf(recording: Uint8Array, readerOf: ReaderOf): Promise<readonly Final[]> {
  const parts = function* (): Generator<SpokenItem> {
    for (let at = 0; at < recording.length; at += partBytes) yield recording.subarray(at, at + partBytes);
    yield { finalize: true };
  };
  const finals: Final[] = [];
  const floorDb = noiseDb(decode('PCMU', recording.subarray(0, 60 * rateHz)));
  for await (const item of hearUtterances(parts(), readerOf, { floorDb: Math.min(floorDb, quietestNoiseDb) }))
    if (item.kind === 'final') finals.push(item);
  return finals;
}

/** `hear` for a provider that transcribes clips. @param transcribe the text of a clip of G.711; empty if it has none */
export function hearClips(
  transcribe: (clip: Uint8Array, options: HearOptions, signal: AbortSignal) => Promise<string>,
  longestMs = longestClipMs,
): Ear['hear'] {
  return (spoken, options, signal) =>
    hearUtterances(
      spoken,
      (samples) => async (pieces) => {
        signal.throwIfAborted();
        const [from, to] = [pieces[0]?.from ?? 0, pieces.at(-1)?.to ?? 0];
        const text = await transcribe(encode('PCMU', samples(from - aroundClip, to + aroundClip)), options, signal);
        return text === '' ? null : { text, confidence: null, words: [], from, to };
      },
      { onlyWhole: true, longestMs },
    );
}

/** `recognize` for a provider that transcribes clips of at most `mostMs`. */
export function recognizeClips(
  transcribe: (clip: Uint8Array, options: HearOptions, signal: AbortSignal) => Promise<string>,
  mostMs: number,
): Ear['recognize'] {
  return async (recording, options, signal) => {
    const finals: Final[] = [];
    for (const { from, to } of quietParts(recording, mostMs)) {
      const text = await transcribe(recording.subarray(from, to), options, signal);
      if (text !== '') finals.push(finalOf({ text, confidence: null, words: [], from, to }));
    }
    return finals;
  };
}

/** Keeps the samples from a given position on. */
function keptAudio() {
  let kept = new Int16Array(0);
  let dropped = 0;
  return {
    get length() {
      return dropped + kept.length;
    },
    add(samples: Int16Array) {
      const joined = new Int16Array(kept.length + samples.length);
      joined.set(kept);
      joined.set(samples, kept.length);
      kept = joined;
    },
    between: (from: number, to: number): Int16Array => kept.slice(Math.max(0, from - dropped), to - dropped),
    dropBefore(at: number) {
      const count = Math.min(kept.length, at - dropped);
      if (count <= 0) return;
      kept = kept.slice(count);
      dropped += count;
    },
  };
}

function finalOf({ text, confidence, words, from, to }: Reading): Final {
  return { kind: 'final', text, confidence, words, startMs: samplesMs(from), endMs: samplesMs(to) };
}
