/** Speech heard by only one of two connected people. */

import { createOutbox } from '../../adapters/outbox.ts';
import type { Leg } from '../../adapters/telephony/port.ts';
import { silence } from '../../media/audio/g711.ts';
import { mix } from '../../media/audio/mix.ts';

export type Overheard = { readonly person: Uint8Array } | { readonly customer: Uint8Array };
export interface Whisper {
  /** Queues audio; resolves when there is room for more. The queue is short, so that nothing is stale when heard. */
  say(audio: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Forwards audio of the other party to the person, mixed with the whisper. */
  pass(audio: Uint8Array): void;
  /** The speech of both people in order, until the end. A slow listener loses the oldest audio. */
  heard(signal: AbortSignal): AsyncGenerator<Overheard>;
  /** Ends the whisper and drops its unheard audio. */
  end(): void;
}
const [frameMs, frameBytes] = [20, 160];
/** Maximum queued audio. */
const mostBytes = 8_000;
/** After this long without audio of the other party, the whisper plays into the silence. */
const quietMs = 60;
const mostHeard = 200;

/** @param leg of the person @param other the connected leg, if held here; otherwise its audio is passed to `pass` */
export function createWhisper(leg: Leg, other: Leg | undefined, now: () => number = () => performance.now()): Whisper {
  let queued: Uint8Array = new Uint8Array(0);
  let passedAt = Number.NEGATIVE_INFINITY;
  let dueAt = 0;
  let isOver = false;
  const overheard = createOutbox<Overheard>(mostHeard);
  let room = Promise.withResolvers<void>();

  /** The next bytes of the whisper, with silence after its end; null if there are none. */
  function take(bytes: number): Uint8Array | null {
    if (queued.length === 0) return null;
    const taken = new Uint8Array(bytes).fill(silence.PCMU);
    taken.set(queued.subarray(0, bytes));
    queued = queued.subarray(bytes);
    if (queued.length < mostBytes) room.resolve();
    return taken;
  }
  function pass(audio: Uint8Array): void {
    passedAt = now();
    overheard.put({ customer: audio });
    const whispered = take(audio.length);
    leg.media.play({ id: 'forwarded', audio: whispered === null ? audio : mix(audio, whispered) });
  }
  function speakIntoSilence(): void {
    const at = now();
    if (at - passedAt <= quietMs || queued.length === 0) {
      dueAt = at;
      return;
    }
    for (; dueAt <= at; dueAt += frameMs) {
      const audio = take(frameBytes);
      if (audio !== null) leg.media.play({ id: 'whispered', audio });
    }
  }
  const stops = [
    leg.media.listen({
      frame(audio) {
        overheard.put({ person: audio });
        other?.media.play({ id: 'forwarded', audio });
      },
      fact() {},
    }),
    ...(other === undefined ? [] : [other.media.listen({ frame: pass, fact() {} })]),
  ];
  const ticking = setInterval(speakIntoSilence, frameMs);
  return {
    pass,
    async say(audio, signal) {
      queued = Buffer.concat([queued, audio]);
      while (queued.length >= mostBytes && !isOver && !signal.aborted) {
        room = Promise.withResolvers<void>();
        const left = (): void => room.resolve();
        signal.addEventListener('abort', left, { once: true });
        await room.promise;
        signal.removeEventListener('abort', left);
      }
    },
    async *heard(signal) {
      if (signal.aborted) return;
      signal.addEventListener('abort', overheard.end, { once: true });
      try {
        yield* overheard;
      } finally {
        signal.removeEventListener('abort', overheard.end);
      }
    },
    end() {
      isOver = true;
      clearInterval(ticking);
      for (const stop of stops) stop();
      queued = new Uint8Array(0);
      room.resolve();
      overheard.drop();
      overheard.end();
    },
  };
}
