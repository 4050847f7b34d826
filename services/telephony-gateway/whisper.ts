/** Speech that one of two connected people hears and the other does not. */
import type { Leg } from '../../adapters/telephony/port.ts';
import { silence } from '../../media/audio/g711.ts';
import { mix } from '../../media/audio/mix.ts';

export type Overheard = { readonly person: Uint8Array } | { readonly customer: Uint8Array };
export interface Whisper {
  /** Resolves when more may be said: little waits, so that nothing is old when it is heard. */
  say(audio: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Audio of the other party goes on to the person, with what is whispered. */
  pass(audio: Uint8Array): void;
  /** What both say, in order, until the end. Of a listener that is too slow, the oldest is dropped. */
  heard(signal: AbortSignal): AsyncGenerator<Overheard>;
  /** Whatever was not heard yet is dropped. */
  end(): void;
}
const [frameMs, frameBytes] = [20, 160];
/** Audio that may wait. */
const mostBytes = 8_000;
/** After so long without audio of the other party, it is spoken into the silence. */
const quietMs = 60;
const mostHeard = 200;

/** @param leg of the person @param other the leg that the person is connected with here; undefined: its audio is given to `pass` */
export function createWhisper(leg: Leg, other: Leg | undefined, now: () => number = () => performance.now()): Whisper {
  let queued: Uint8Array = new Uint8Array(0);
  let passedAt = Number.NEGATIVE_INFINITY;
  let dueAt = 0;
  let isOver = false;
  let overheard: Overheard[] = [];
  let wake = (): void => {};
  let room = Promise.withResolvers<void>();

  function hear(item: Overheard): void {
    if (overheard.length === mostHeard) overheard.shift();
    overheard.push(item);
    wake();
  }
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
    hear({ customer: audio });
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
        hear({ person: audio });
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
      const woken = (): void => wake();
      signal.addEventListener('abort', woken, { once: true });
      try {
        while (!isOver && !signal.aborted) {
          const items = overheard;
          overheard = [];
          yield* items;
          if (overheard.length > 0) continue;
          if (isOver || signal.aborted) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = () => {};
        }
      } finally {
        signal.removeEventListener('abort', woken);
      }
    },
    end() {
      isOver = true;
      clearInterval(ticking);
      for (const stop of stops) stop();
      queued = new Uint8Array(0);
      room.resolve();
      wake();
    },
  };
}
