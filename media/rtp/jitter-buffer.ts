/**
 * Audio that arrives by a network, played by a clock: packets are put in order, late ones are dropped, and gaps are concealed.
 * - position: a timestamp without wraps, in samples
 * - transit: arrival minus position, in samples; its minimum is that of an undelayed packet
 * - delay: how much later than such a packet its audio is played
 * - cursor: position of the next sample to play
 */
import { createConcealer } from '../audio/conceal.ts';
import { rateHz } from '../audio/g711.ts';
import { makeNoise } from './comfort-noise.ts';
import { timestampAfter } from './packet.ts';

export interface ArrivedAudio {
  readonly ssrc: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly samples: Int16Array<ArrayBuffer>;
  /** False for a packet that waited for this process: its arrival says nothing about the network. */
  readonly isTimely?: boolean;
}
export interface JitterBuffer {
  /** Adds a packet that has just arrived; returns false if it is late or a duplicate. */
  insert(audio: ArrivedAudio, nowMs: number): boolean;
  /** Notes that the sender is silent from this timestamp on, with noise at a level below full scale (RFC 3389). */
  insertNoise(noise: { readonly ssrc: number; readonly timestamp: number; readonly levelDb: number }, nowMs: number): void;
  /** The next 20 ms; null before the first packet. */
  pull(nowMs: number): Int16Array<ArrayBuffer> | null;
  /** How much later the last pull returned its audio than an undelayed packet would have arrived; null before the first one. */
  lagMs(): number | null;
  /** Forgets the source: the next packet begins a new one. */
  reset(): void;
  stats(): JitterStats;
}
export interface JitterStats {
  readonly delayMs: number;
  readonly late: number;
  readonly duplicates: number;
  readonly restarts: number;
  /** How much faster the sender's clock is than the local one, in parts per million; null for the first 20 s. */
  readonly driftPpm: number | null;
}

const perMs = rateHz / 1_000;
const frame = 20 * perMs;
const [leastDelay, mostDelay] = [40 * perMs, 120 * perMs];
/** Added to the observed jitter. */
const margin = 10 * perMs;
/** A transit that differs by more than this is a leap of the timestamps, not network jitter. */
const leap = 250 * perMs;
/** Transit is remembered for 8 spans of 500 ms. */
const [spans, spanMs] = [8, 500];
const mostPackets = 64;
/** How far the cursor may be off before it moves by one sample per frame, by four, and at once. */
const [slow, fast, atOnce] = [2 * perMs, 60 * perMs, 250 * perMs];
const driftMs = 20_000;

interface Item {
  readonly position: number;
  readonly samples: Int16Array<ArrayBuffer>;
  readonly noiseDb: number | null;
}

export function createJitterBuffer({ random = Math.random }: { readonly random?: () => number } = {}): JitterBuffer {
  let source: { readonly ssrc: number; timestamp: number; position: number } | null = null;
  let items: Item[] = [];
  let cursor: number | null = null;
  let least = new Array<number>(spans).fill(Number.POSITIVE_INFINITY);
  let most = new Array<number>(spans).fill(Number.NEGATIVE_INFINITY);
  let span = 0;
  let [base, delay] = [0, leastDelay];
  /** A packet whose transit leapt; a second one in a row proves a leap. */
  let suspect: { readonly audio: ArrivedAudio; readonly transit: number } | null = null;
  let noiseDb: number | null = null;
  let drift: { readonly atMs: number; readonly base: number } | null = null;
  let driftPpm: number | null = null;
  let [late, duplicates, restarts] = [0, 0, 0];
  let lag: number | null = null;
  const concealer = createConcealer();

  const restart = (ssrc: number, timestamp: number) => {
    if (source !== null) restarts += 1;
    source = { ssrc, timestamp, position: timestamp };
    items = [];
    [cursor, noiseDb, suspect, drift] = [null, null, null, null];
    least.fill(Number.POSITIVE_INFINITY);
    most.fill(Number.NEGATIVE_INFINITY);
    delay = leastDelay;
  };
  const remember = (transit: number, nowMs: number) => {
    const current = Math.floor(nowMs / spanMs);
    if (current !== span) {
      for (let each = Math.max(span + 1, current - spans + 1); each <= current; each += 1) {
        least[each % spans] = Number.POSITIVE_INFINITY;
        most[each % spans] = Number.NEGATIVE_INFINITY;
      }
      span = current;
      if (Number.isFinite(base)) measureDrift(nowMs);
    }
    least[span % spans] = Math.min(least[span % spans] as number, transit);
    most[span % spans] = Math.max(most[span % spans] as number, transit);
    base = Math.min(...least);
    delay = Math.max(leastDelay, Math.min(mostDelay, Math.max(...most) - base + margin));
  };
  const measureDrift = (nowMs: number) => {
    if (drift === null) drift = { atMs: nowMs, base };
    else if (nowMs - drift.atMs >= driftMs) driftPpm = Math.round(((drift.base - base) / ((nowMs - drift.atMs) * perMs)) * 1e6);
  };
  /** The position of a timestamp; null while a leap is unproved. */
  const place = (audio: ArrivedAudio, nowMs: number): number | null => {
    if (source === null || audio.ssrc !== source.ssrc) restart(audio.ssrc, audio.timestamp);
    const from = source as { readonly ssrc: number; timestamp: number; position: number };
    const position = from.position + timestampAfter(audio.timestamp, from.timestamp);
    const transit = nowMs * perMs - position;
    if (audio.isTimely === false && Number.isFinite(base) && Math.abs(position - from.position) < leap) return position;
    if (Number.isFinite(Math.min(...least)) && Math.abs(transit - base) > leap) {
      const former = suspect;
      suspect = { audio, transit };
      if (!audio.marker && (former === null || Math.abs(former.transit - transit) > leap)) return null;
      restart(audio.ssrc, audio.timestamp);
      if (former !== null && former.audio !== audio)
        put({
          position: audio.timestamp + timestampAfter(former.audio.timestamp, audio.timestamp),
          samples: former.audio.samples,
          noiseDb: null,
        });
      remember(nowMs * perMs - audio.timestamp, nowMs);
      return audio.timestamp;
    }
    suspect = null;
    if (position > from.position) [from.position, from.timestamp] = [position, audio.timestamp];
    remember(transit, nowMs);
    return position;
  };
  const put = (item: Item): boolean => {
    let at = items.length;
    while (at > 0 && (items[at - 1] as Item).position > item.position) at -= 1;
    const before = items[at - 1];
    if (before !== undefined && before.position === item.position && before.noiseDb === null && item.noiseDb === null) {
      duplicates += 1;
      return false;
    }
    items.splice(at, 0, item);
    if (items.length > mostPackets) items.shift();
    return true;
  };
  /** Moves the cursor after a frame, with a correction if it is off. */
  const advance = (nowMs: number, isMissing: boolean) => {
    const here = cursor as number;
    const off = nowMs * perMs - base - delay - here; // positive: playback is too late
    if (Math.abs(off) > atOnce) cursor = Math.round(nowMs * perMs - base - delay) + frame;
    else if (isMissing && off < -margin)
      return; // start a longer delay where it loses nothing
    else cursor = here + frame + Math.sign(off) * (Math.abs(off) > fast ? 4 : Math.abs(off) > slow ? 1 : 0);
  };
  const gap = (count: number) => (noiseDb === null ? concealer.lost(count) : makeNoise(count, noiseDb, random));

  return {
    insert(audio, nowMs) {
      const position = place(audio, nowMs);
      if (position === null) return true;
      if (cursor !== null && position + audio.samples.length <= cursor) {
        const isThere = position + audio.samples.length > cursor - mostDelay;
        late += isThere ? 1 : 0;
        return false;
      }
      return put({ position, samples: audio.samples, noiseDb: null });
    },
    insertNoise({ ssrc, timestamp, levelDb }, nowMs) {
      const position = place({ ssrc, timestamp, marker: false, samples: new Int16Array(0) }, nowMs);
      if (position !== null) put({ position, samples: new Int16Array(0), noiseDb: levelDb });
    },
    pull(nowMs) {
      if (source === null) return null;
      cursor ??= Math.round(nowMs * perMs - base - delay);
      lag = nowMs * perMs - base - cursor;
      const output = new Int16Array(frame);
      let [at, missing] = [0, 0];
      while (at < frame) {
        const here = cursor + at;
        while (items[0] !== undefined && items[0].position + items[0].samples.length <= here) noiseDb = items.shift()?.noiseDb ?? noiseDb;
        const next = items.find(({ samples, noiseDb: noise }) => samples.length > 0 || noise !== null);
        if (next === undefined || next.position > here) {
          const count = Math.min(frame - at, next === undefined ? frame : next.position - here);
          output.set(gap(count), at);
          missing += count;
          at += count;
          continue;
        }
        const from = here - next.position;
        const part = next.samples.subarray(from, from + frame - at);
        noiseDb = null;
        output.set(concealer.heard(part), at);
        at += part.length;
      }
      advance(nowMs, missing === frame);
      return output;
    },
    lagMs: () => (lag === null ? null : Math.round(lag / perMs)),
    reset() {
      source = null;
      items = [];
      [cursor, noiseDb, suspect, drift] = [null, null, null, null];
      least = least.fill(Number.POSITIVE_INFINITY);
      most = most.fill(Number.NEGATIVE_INFINITY);
    },
    stats: () => ({ delayMs: Math.round(delay / perMs), late, duplicates, restarts, driftPpm }),
  };
}
