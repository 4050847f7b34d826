/** Splits speech at short pauses into pieces, by energy above the quietest moment of the last seconds. */
import { rateHz } from '../../media/audio/g711.ts';
import { levelDb } from '../../media/audio/speech.ts';

/** From the first sample to the one after the last. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}
export interface Pieces {
  /** Returns the pieces that these samples complete. */
  push(samples: Int16Array): readonly Piece[];
  /** Ends the current piece. */
  end(): Piece | null;
  /** Silence since the last piece or the beginning; 0 in speech. */
  readonly silenceMs: number;
  /** When the current piece began; null in silence. */
  readonly speechFrom: number | null;
}

const frameMs = 10;
const frame = (rateHz * frameMs) / 1_000;
/** How far above the floor a frame is loud, to begin a piece and to go on with it. */
const [beginDb, stayDb] = [9, 6];
/** A pause that ends a piece; shorter ones are part of it. */
const pauseMs = 200;
/** A shorter sound is a click. */
const shortestMs = 80;
/** Added on both sides of a piece, whose ends are soft. */
const aroundMs = 60;
/** The floor is the quietest moment of this time span, which occurs within speech, too. */
const memoryMs = 3_000;
/** With less audio there may not have been a quiet moment yet. */
const learnMs = 500;
const [lowestFloorDb, firstFloorDb] = [-62, -50];

/** @param floorDb for a recording whose noise level is known from the start */
export function createPieces({ floorDb: knownFloorDb }: { readonly floorDb?: number } = {}): Pieces {
  let rest = new Int16Array(0);
  let taken = 0;
  let [smoothDb, quietMs, silentSince] = [-96, 0, 0];
  const recent: number[] = [];
  let open: { readonly from: number; loudUntil: number } | null = null;

  const floorOf = (): number => {
    if (knownFloorDb !== undefined) return Math.max(lowestFloorDb, knownFloorDb);
    const least = recent.reduce((one, other) => Math.min(one, other), 0);
    return Math.max(lowestFloorDb, recent.length * frameMs < learnMs ? Math.min(firstFloorDb, least) : least);
  };
  const close = (): Piece | null => {
    const ended = open;
    open = null;
    if (ended === null) return null;
    silentSince = ended.loudUntil;
    const around = (rateHz * aroundMs) / 1_000;
    if (ended.loudUntil - ended.from < (rateHz * shortestMs) / 1_000) return null;
    return { from: Math.max(0, ended.from - around), to: Math.min(taken, ended.loudUntil + around) };
  };
  return {
    push(samples) {
      const all = new Int16Array(rest.length + samples.length);
      all.set(rest);
      all.set(samples, rest.length);
      const made: Piece[] = [];
      let at = 0;
      for (; at + frame <= all.length; at += frame) {
        const db = levelDb(all.subarray(at, at + frame));
        smoothDb = smoothDb < -90 ? db : smoothDb + (db - smoothDb) / 3;
        recent.push(smoothDb);
        if (recent.length > memoryMs / frameMs) recent.shift();
        const isLoud = smoothDb > floorOf() + (open === null ? beginDb : stayDb);
        if (isLoud) {
          open ??= { from: taken, loudUntil: taken };
          open.loudUntil = taken + frame;
        }
        quietMs = isLoud ? 0 : quietMs + frameMs;
        taken += frame;
        if (!isLoud && open !== null && quietMs >= pauseMs) {
          const piece = close();
          if (piece !== null) made.push(piece);
        }
      }
      rest = all.slice(at);
      return made;
    },
    end: close,
    get silenceMs() {
      return open === null ? ((taken - silentSince) * 1_000) / rateHz : 0;
    },
    get speechFrom() {
      return open?.from ?? null;
    },
  };
}

/** The noise level of a recording: its tenth percentile. */
export function noiseDb(samples: Int16Array): number {
  const levels: number[] = [];
  for (let at = 0; at + frame <= samples.length; at += frame) levels.push(levelDb(samples.subarray(at, at + frame)));
  return levels.sort((a, b) => a - b)[Math.floor(levels.length / 10)] ?? -96;
}
