/** Plays the agent's utterances on a leg in order, and tracks how much of each was heard and where a paused one resumes. */
import { decode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import type { Speaker } from '../line/speaker.ts';

export interface PlayerParts {
  readonly leg: Pick<Speaker, 'say'>;
  /** Unix ms. */
  readonly now: () => number;
  /** Reports how many ms of an utterance were heard. @param startedAt when its first sound was sent */
  readonly played: (utterance: number, heard: { readonly ms: number; readonly startedAt: number; readonly isWhole: boolean }) => void;
}
export interface Player {
  /** Begins the next utterance; its audio follows. */
  begin(utterance: number): void;
  /** Adds audio; ignored for a dropped utterance. */
  add(utterance: number, audio: Uint8Array): void;
  /** Drops one utterance. */
  skip(utterance: number): void;
  /** Marks the audio of an utterance as complete. */
  end(utterance: number): void;
  pause(): void;
  resume(): void;
  /** Drops all utterances. */
  hush(): void;
  /** Notes that the leg has played a chunk, or `ms` of it before it was dropped. */
  heard(chunk: string, ms: number): void;
  /** Audio not sent to the leg yet, ms. */
  readonly waitingMs: number;
}
interface Utterance {
  readonly id: number;
  audio: Uint8Array;
  isComplete: boolean;
  sentTo: number;
  heardTo: number;
  startedAt: number | null;
  /** When the sound before it ended; null until some of it was heard. */
  notBefore: number | null;
  /** Silence before its first sound; null until some of it was heard. */
  silentHeadMs: number | null;
}

const bytesPerMs = 8;
/** Short, so that the beginning and progress of an utterance are known soon. */
const chunkBytes = 200 * bytesPerMs;
/** How much audio is sent ahead to the leg. */
const aheadBytes = 4_000 * bytesPerMs;
/** How far before the stop the beginning of a word is searched for. */
const wordBytes = 400 * bytesPerMs;
/** A chunk counts as played when its last frame is sent. */
const frameMs = 20;
const frameBytes = frameMs * bytesPerMs;
/** Sound below this level, or this far below the loudest sound of the first chunk, is silence, dB. */
const [silenceDb, belowLoudestDb] = [-50, 32];
const partBytes = 5 * bytesPerMs;

export function createPlayer({ leg, now, played }: PlayerParts): Player {
  let queue: Utterance[] = [];
  let isPaused = false;
  /** When the last heard sound ended, as far as reports show. */
  let heardUntil = Number.NEGATIVE_INFINITY;

  function send(): void {
    if (isPaused) return;
    let ahead = queue.reduce((sum, { sentTo, heardTo }) => sum + Math.max(0, sentTo - heardTo), 0);
    for (const utterance of queue) {
      while (utterance.sentTo < utterance.audio.length && ahead < aheadBytes) {
        const audio = utterance.audio.subarray(utterance.sentTo, utterance.sentTo + chunkBytes);
        // While more may follow, send only whole chunks.
        if (audio.length < chunkBytes && !utterance.isComplete) return;
        leg.say({ id: `${utterance.id}.${utterance.sentTo}`, audio });
        utterance.sentTo += audio.length;
        ahead += audio.length;
      }
      if (!utterance.isComplete || utterance.sentTo < utterance.audio.length) return;
    }
  }
  function report(utterance: Utterance): void {
    const isWhole = utterance.isComplete && utterance.heardTo >= utterance.audio.length;
    if (isWhole) queue = queue.filter((each) => each !== utterance);
    const { id, heardTo, startedAt } = utterance;
    played(id, { ms: Math.round(heardTo / bytesPerMs), startedAt: startedAt ?? now(), isWhole });
  }
  const find = (id: number): Utterance | undefined => queue.find((each) => each.id === id);

  return {
    begin(utterance) {
      queue.push({
        id: utterance,
        audio: new Uint8Array(0),
        isComplete: false,
        sentTo: 0,
        heardTo: 0,
        startedAt: null,
        notBefore: null,
        silentHeadMs: null,
      });
    },
    add(id, audio) {
      const utterance = find(id);
      if (utterance === undefined) return;
      utterance.audio = Buffer.concat([utterance.audio, audio]);
      send();
    },
    end(id) {
      const utterance = find(id);
      if (utterance === undefined) return;
      utterance.isComplete = true;
      send();
      if (utterance.heardTo >= utterance.audio.length) report(utterance);
    },
    skip(id) {
      queue = queue.filter((each) => each.id !== id);
      send();
    },
    pause() {
      isPaused = true;
      leg.say({ clear: true });
    },
    resume() {
      isPaused = false;
      for (const utterance of queue) utterance.sentTo = wordBefore(utterance.audio, utterance.heardTo);
      send();
    },
    hush() {
      isPaused = false;
      queue = [];
      leg.say({ clear: true });
    },
    heard(chunk, ms) {
      const [id = '', from = ''] = chunk.split('.');
      const utterance = find(Number(id));
      if (utterance === undefined) return;
      // Reports are in whole milliseconds; the end of an utterance need not be.
      const reported = Number(from) + ms * bytesPerMs;
      const to = utterance.audio.length - reported < bytesPerMs ? utterance.audio.length : reported;
      if (ms === 0 || to <= utterance.heardTo) return;
      utterance.heardTo = to;
      utterance.silentHeadMs ??= silentHeadMs(utterance.audio);
      utterance.notBefore ??= heardUntil;
      // A report may be late, but never early; after a stall those of several utterances arrive at once.
      const begunAt = Math.max(utterance.notBefore, now() + frameMs - to / bytesPerMs);
      const startedAt = begunAt + utterance.silentHeadMs;
      utterance.startedAt = Math.min(utterance.startedAt ?? startedAt, startedAt);
      heardUntil = utterance.startedAt + to / bytesPerMs - utterance.silentHeadMs;
      report(utterance);
      send();
    },
    get waitingMs() {
      return queue.reduce((sum, { audio, sentTo }) => sum + audio.length - sentTo, 0) / bytesPerMs;
    },
  };
}

/** How long an utterance is silent before its first sound. */
function silentHeadMs(audio: Uint8Array): number {
  const levels: number[] = [];
  for (let at = 0; at < Math.min(audio.length, chunkBytes); at += partBytes)
    levels.push(levelDb(decode('PCMU', audio.subarray(at, at + partBytes))));
  const least = Math.max(silenceDb, Math.max(...levels) - belowLoudestDb);
  return (
    Math.max(
      0,
      levels.findIndex((db) => db >= least),
    ) *
    (partBytes / bytesPerMs)
  );
}
/** The quietest point shortly before `at`, where a word is likely to begin. */
function wordBefore(audio: Uint8Array, at: number): number {
  let [best, quietest] = [at, Number.POSITIVE_INFINITY];
  for (let from = at - frameBytes; from >= 0 && from >= at - wordBytes; from -= frameBytes) {
    const level = loudness(audio.subarray(from, from + frameBytes));
    if (level < quietest) [best, quietest] = [from, level];
  }
  return at <= wordBytes ? 0 : best;
}
/** By the exponents of μ-law samples, which are inverted on the line. */
function loudness(frame: Uint8Array): number {
  let sum = 0;
  for (const byte of frame) sum += 1 << ((~byte >> 4) & 7);
  return sum;
}
