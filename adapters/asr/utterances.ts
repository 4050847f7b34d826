/** Ears that read an utterance as a whole, when it has ended: where it begins and ends, what it may be so far, and recordings. */
import { decode, rateHz } from '../../media/audio/g711.ts';
import { createPieces, noiseDb, type Piece } from './pieces.ts';
import type { Final, HeardItem, SpokenItem } from './port.ts';

/** Text of an utterance, and the samples it is in. */
export interface Reading {
  readonly text: string;
  /** From 0 to 1. */
  readonly confidence: number;
  readonly words: Final['words'];
  readonly from: number;
  readonly to: number;
}
/** Reads an utterance by the pieces of it that have ended. It is asked again when there are more of them. */
export type Reader = (pieces: readonly Piece[]) => Promise<Reading | null>;
/** A reader for each utterance, of the samples that it asks for. */
export type ReaderOf = (samples: (from: number, to: number) => Int16Array) => Reader;

/** A pause that ends an utterance. */
const endMs = 700;
/** An utterance that goes on is read so far: nothing that is kept grows without end. */
const [mostPieces, longestMs] = [12, 15_000];
/** A recording is given to the ear in parts of a second. */
const partBytes = rateHz;
/** A recording without pauses has no noise to learn from. */
const quietestNoiseDb = -25;

/** @param floorDb the level of the noise, where it is known from the start */
export async function* hearUtterances(
  spoken: AsyncIterable<SpokenItem> | Iterable<SpokenItem>,
  readerOf: ReaderOf,
  floorDb?: number,
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
    const isLong = waiting.length >= mostPieces || samplesMs(audio.length - (waiting[0]?.from ?? audio.length)) > longestMs;
    if (waiting.length > 0 && (isLong || pieces.silenceMs >= endMs)) yield* await settle();
    else if (made.length > 0) {
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
  for await (const item of hearUtterances(parts(), readerOf, Math.min(floorDb, quietestNoiseDb)))
    if (item.kind === 'final') finals.push(item);
  return finals;
}

/** The samples from some time on. */
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

export const samplesMs = (samples: number): number => Math.round((samples * 1_000) / rateHz);
function finalOf({ text, confidence, words, from, to }: Reading): Final {
  return { kind: 'final', text, confidence, words, startMs: samplesMs(from), endMs: samplesMs(to) };
}
