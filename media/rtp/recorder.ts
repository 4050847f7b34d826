/**
 * A recording of both sides of a call on one clock, including silence: the caller on the left, this system on the right. The right side is
 * placed by the time of sending. The left side is placed by its timestamps, at the moment an undelayed packet would have arrived, so
 * neither jitter nor the jitter buffer moves it. Packets may arrive up to half a second late.
 */
import { createConcealer } from '../audio/conceal.ts';
import { rateHz } from '../audio/g711.ts';
import { beep } from '../audio/tones.ts';
import type { WavWriter } from '../audio/wav.ts';
import type { ArrivedAudio as Arrived } from './jitter-buffer.ts';
import { timestampAfter } from './packet.ts';

export interface Recorder {
  /** Adds audio of the caller on arrival. */
  left(audio: ArrivedAudio, nowMs: number): void;
  /** Adds audio of this system, sent from this moment on. */
  right(samples: Int16Array, atMs: number): void;
  /** While on, silence or a beep every 5 s is written in place of both sides. */
  pause(on: boolean, fill: PauseFill, nowMs: number): void;
  /** Writes the audio that can no longer change. Call it a few times per second. */
  advance(nowMs: number): void;
  /** Writes the rest; returns the length of the recording. */
  close(nowMs: number): Promise<{ readonly ms: number }>;
}
type ArrivedAudio = Pick<Arrived, 'ssrc' | 'timestamp' | 'samples' | 'isTimely'>;
export type PauseFill = 'silence' | 'beep';

const perMs = rateHz / 1_000;
/** Audio not yet written: two seconds, of which the last 700 ms may still change. */
const ring = 2 * rateHz;
const mutable = 700 * perMs;
/** The transit of a source is the minimum of its first 400 ms; afterwards it follows the minimum of each 5 s by one sample per frame. */
const learning = 400 * perMs;
const spanSamples = 5 * rateHz;
const [closeEnough, leap] = [2 * perMs, 250 * perMs];
const beepEvery = 5 * rateHz;
const mostPending = 64;

interface Source {
  readonly ssrc: number;
  readonly since: number;
  timestamp: number;
  position: number;
  /** Arrival minus position of an undelayed packet; null while it is being learned. */
  transit: number | null;
  wanted: number;
  least: number;
  spanEnd: number;
  /** Packets in a row whose transit leapt. */
  leaps: number;
  pending: { readonly position: number; readonly samples: Int16Array }[];
}

/** Starts a recording. The writer expects stereo at 8 kHz. */
export function createRecorder(writer: WavWriter, startMs: number): Recorder {
  const [left, right] = [new Int16Array(ring), new Int16Array(ring)];
  const hasLeft = new Uint8Array(ring);
  const concealer = createConcealer();
  const beepSamples = beep();
  let written = 0;
  let source: Source | null = null;
  let pauses: { readonly from: number; to: number; readonly fill: PauseFill }[] = [];
  const at = (ms: number) => Math.round((ms - startMs) * perMs);

  const place = (position: number, samples: Int16Array) => {
    for (let nth = Math.max(0, written - position); nth < samples.length && position + nth < written + ring; nth += 1) {
      const slot = (position + nth) % ring;
      left[slot] = samples[nth] as number;
      hasLeft[slot] = 1;
    }
  };
  const settle = (from: Source) => {
    from.transit ??= from.least;
    from.wanted = from.transit;
    for (const { position, samples } of from.pending) place(position + from.transit, samples);
    from.pending = [];
  };
  const begin = (ssrc: number, timestamp: number, now: number): Source => {
    if (source !== null && source.transit === null) settle(source);
    const transit = now - timestamp;
    return {
      ssrc,
      since: now,
      timestamp,
      position: timestamp,
      transit: null,
      wanted: transit,
      least: transit,
      spanEnd: now + spanSamples,
      leaps: 0,
      pending: [],
    };
  };
  /** Follows the minimum transit, so that both clocks stay aligned. */
  const follow = (from: Source, transit: number, now: number) => {
    from.least = Math.min(from.least, transit);
    if (from.transit === null) {
      if (now - from.since >= learning || from.pending.length >= mostPending) settle(from);
      return;
    }
    if (now >= from.spanEnd) [from.wanted, from.least, from.spanEnd] = [from.least, transit, now + spanSamples];
    const off = from.wanted - from.transit;
    if (Math.abs(off) > closeEnough) from.transit += Math.sign(off);
  };
  /** Writes the samples before `until`; unsent ones are silence, lost ones are concealed. */
  const flush = (until: number) => {
    const count = Math.min(until - written, ring);
    if (count <= 0) return;
    const stereo = new Int16Array(2 * count);
    for (let nth = 0; nth < count; ) {
      const isThere = hasLeft[(written + nth) % ring];
      let end = nth;
      while (end < count && hasLeft[(written + end) % ring] === isThere) end += 1;
      const run = new Int16Array(end - nth);
      for (let each = 0; each < run.length; each += 1) run[each] = left[(written + nth + each) % ring] as number;
      const heard = isThere ? concealer.heard(run) : concealer.lost(run.length);
      for (let each = 0; each < run.length; each += 1) {
        stereo[2 * (nth + each)] = heard[each] as number;
        stereo[2 * (nth + each) + 1] = right[(written + nth + each) % ring] as number;
      }
      nth = end;
    }
    blank(stereo, written);
    for (let nth = 0; nth < count; nth += 1) {
      const slot = (written + nth) % ring;
      [hasLeft[slot], left[slot], right[slot]] = [0, 0, 0];
    }
    written += count;
    pauses = pauses.filter(({ to }) => to > written);
    writer.write(stereo);
  };
  const blank = (stereo: Int16Array, first: number) => {
    for (const { from, to, fill } of pauses)
      for (let position = Math.max(from, first); position < Math.min(to, first + stereo.length / 2); position += 1) {
        const sample = fill === 'beep' ? (beepSamples[(position - from) % beepEvery] ?? 0) : 0;
        stereo.fill(sample, 2 * (position - first), 2 * (position - first) + 2);
      }
  };

  return {
    left({ ssrc, timestamp, samples, isTimely = true }, nowMs) {
      const now = at(nowMs);
      if (source === null || source.ssrc !== ssrc) source = begin(ssrc, timestamp, now);
      let position = source.position + timestampAfter(timestamp, source.timestamp);
      if (isTimely && Math.abs(now - position - (source.transit ?? source.least)) > leap) {
        source.leaps += 1;
        if (source.leaps < 2) return;
        source = begin(ssrc, timestamp, now);
        position = timestamp;
      }
      source.leaps = 0;
      if (position > source.position) [source.position, source.timestamp] = [position, timestamp];
      if (source.transit === null) source.pending.push({ position, samples });
      else place(position + source.transit, samples);
      if (isTimely) follow(source, now - position, now);
    },
    right(samples, atMs) {
      const position = at(atMs);
      for (let nth = Math.max(0, written - position); nth < samples.length && position + nth < written + ring; nth += 1)
        right[(position + nth) % ring] = samples[nth] as number;
    },
    pause(on, fill, nowMs) {
      const open = pauses.find(({ to }) => to === Number.POSITIVE_INFINITY);
      if (open !== undefined && !on) open.to = at(nowMs);
      if (open === undefined && on) pauses.push({ from: at(nowMs), to: Number.POSITIVE_INFINITY, fill });
    },
    advance(nowMs) {
      if (source?.transit === null && at(nowMs) - source.since >= learning) settle(source);
      const until = at(nowMs) - mutable;
      // After a stall longer than the ring, the missing time is empty.
      while (until - written > ring / 4) flush(Math.min(until, written + ring));
    },
    async close(nowMs) {
      if (source?.transit === null) settle(source);
      while (written < at(nowMs)) flush(Math.min(at(nowMs), written + ring));
      const bytes = await writer.close();
      return { ms: Math.round(bytes / 4 / perMs) };
    },
  };
}
