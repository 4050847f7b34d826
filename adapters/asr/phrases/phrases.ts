/**
 * An ear without a key: it hears whole phrases of a list, whoever says them, and refuses other speech. Phrases are compared with takes of the
 * built-in voice by the speech embedding of features.ts.
 */
import type { z } from 'zod';
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { espeak, espeakSettings } from '../../tts/espeak.ts';
import type { Ear, Final, HeardItem, HearOptions, SpokenItem } from '../port.ts';
import { createEarThread } from './ear-thread.ts';
import type { Match } from './matcher.ts';
import { createPieces, noiseDb, type Piece } from './pieces.ts';
import { confidenceOf, type Phrase, phrasesOf } from './utterance.ts';
import { phraseOf, trimmed, vocabulary } from './vocabulary.ts';

export const phrasesSettings = espeakSettings;

/** A pause that ends an utterance. */
const endMs = 700;
/** An utterance that goes on is read so far: nothing that is kept grows without end. */
const [mostPieces, longestMs] = [12, 15_000];
/** A recording is given to the ear in parts of a second. */
const partBytes = rateHz;

export function phrasesEar(settings: z.output<typeof espeakSettings>): Ear {
  const thread = createEarThread();
  const words = vocabulary(thread, espeak(settings));

  async function* hear(
    spoken: AsyncIterable<SpokenItem> | Iterable<SpokenItem>,
    options: HearOptions,
    signal: AbortSignal,
    floorDb?: number,
  ): AsyncGenerator<HeardItem> {
    thread.open();
    const phrases = await words.phrasesFor(options, signal);
    const pieces = createPieces(floorDb === undefined ? {} : { floorDb });
    const audio = keptAudio();
    let waiting: Piece[] = [];
    let guessed = '';
    /** What was compared is not compared again when the utterance is read once more. */
    const known = new Map<string, Match | null>();
    const match = async (from: number, to: number): Promise<Match | null> => {
      const key = `${from}-${to}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      const found = await thread.order({ do: 'match', speech: trimmed(audio.between(from, to)), phrases }, signal);
      known.set(key, found);
      return found;
    };
    const settle = async (): Promise<readonly Final[]> => {
      const read = await phrasesOf(waiting, match);
      waiting = [];
      guessed = '';
      known.clear();
      audio.dropBefore(pieces.speechFrom ?? audio.length);
      return read.length === 0 ? [] : [finalOf(read)];
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
        const text = textOf(await phrasesOf(waiting, match));
        if (text !== '' && text !== guessed) yield { kind: 'partial', text };
        guessed = text;
      } else if (waiting.length === 0 && pieces.speechFrom === null) audio.dropBefore(audio.length - rateHz);
    }
  }
  return {
    provider: 'phrases',
    languages: [],
    vocabulary: 'closed',
    hasWordTimes: false,
    limits:
      'It hears whole phrases of a list (hints, or about 100 Russian ones of a sales desk), no other words, and no names or numbers beyond it.',
    hear: (spoken, options, signal) => hear(spoken, options, signal),
    async recognize(recording, options, signal) {
      const parts = function* (): Generator<SpokenItem> {
        for (let at = 0; at < recording.length; at += partBytes) yield recording.subarray(at, at + partBytes);
        yield { finalize: true };
      };
      const finals: Final[] = [];
      const floorDb = noiseDb(decode('PCMU', recording.subarray(0, 60 * rateHz)));
      for await (const item of hear(parts(), options, signal, Math.min(floorDb, quietestNoiseDb)))
        if (item.kind === 'final') finals.push(item);
      return finals;
    },
    close: thread.close,
  };
}

/** A recording without pauses has no noise to learn from. */
const quietestNoiseDb = -25;

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

const samplesMs = (samples: number): number => Math.round((samples * 1_000) / rateHz);
const textOf = (phrases: readonly Phrase[]): string => phrases.map(({ phrase }) => phraseOf(phrase)).join(' ');
function finalOf(phrases: readonly Phrase[]): Final {
  return {
    kind: 'final',
    text: textOf(phrases),
    confidence: confidenceOf(phrases),
    words: [],
    startMs: samplesMs(phrases[0]?.from ?? 0),
    endMs: samplesMs(phrases.at(-1)?.to ?? 0),
  };
}
