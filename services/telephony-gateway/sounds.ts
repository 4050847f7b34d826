/** Sounds that a leg plays without a speaker. */

import type { z } from 'zod';
import { bytesPerMs } from '../../adapters/telephony/audio-format.ts';
import type { Leg } from '../../adapters/telephony/port.ts';
import type { Sound } from '../../contracts/telephony.ts';
import { encode } from '../../media/audio/g711.ts';
import { makeCadence, makeTone, ringback } from '../../media/audio/tones.ts';

export type SoundId = z.output<typeof Sound>;
export interface Sounds {
  /** Replaces the sound that the leg plays. @param repeat plays it until it is stopped */
  play(leg: Leg, sound: SoundId, repeat: boolean): void;
  /** Stops the sound, if any, without dropping queued audio. */
  stop(legId: string): void;
  isPlaying(legId: string): boolean;
}
/** Sounds are queued one second at a time, so that a stop is heard soon. */
const pieceBytes = 8_000;

/** Two bars of a broken chord and a pause, quiet enough to speak over. */
function holdMusic(): Int16Array {
  const notes = [262, 330, 392, 523, 392, 330, 220, 262, 330, 440, 330, 262, 175, 220, 262, 349, 262, 220, 196, 247, 294, 392, 294, 247];
  const parts = notes.map((hz) => makeTone({ hz: [hz, 2 * hz], ms: 250, dbm0: -24 }));
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0) + 8_000);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
const samples: Readonly<Record<SoundId, () => Int16Array>> = {
  hold_music: holdMusic,
  ringback,
  busy_tone: () => makeCadence({ hz: [425], ms: 350, dbm0: -12 }, 350),
};

/** @param changed called when a leg begins to play a sound and when it has played its last piece */
export function createSounds(changed: (legId: string) => void): Sounds {
  const made = new Map<SoundId, Uint8Array>();
  const running = new Map<string, () => void>();
  const audioOf = (sound: SoundId): Uint8Array => {
    const audio = made.get(sound) ?? encode('PCMU', samples[sound]());
    made.set(sound, audio);
    return audio;
  };
  const stop = (legId: string): void => {
    running.get(legId)?.();
    if (running.delete(legId)) changed(legId);
  };
  return {
    stop,
    isPlaying: (legId) => running.has(legId),
    play({ legId, media }, sound, repeat) {
      stop(legId);
      media.clear();
      const audio = audioOf(sound);
      let at = 0;
      let piece = 0;
      /** Queued pieces by id, with their length in ms. */
      const playing = new Map<string, number>();
      const next = (): void => {
        piece += 1;
        const [id, part] = [`${sound} ${piece}`, audio.subarray(at, at + pieceBytes)];
        playing.set(id, part.length / bytesPerMs);
        media.play({ id, audio: part });
        at = at + pieceBytes < audio.length ? at + pieceBytes : 0;
        if (at === 0 && !repeat) stop(legId);
      };
      const begin = (): void => {
        next();
        if (running.has(legId)) next(); // stay one piece ahead, so that no gap is heard
      };
      const leave = media.listen({
        frame() {},
        fact(fact) {
          if ('held' in fact && !fact.held) begin();
          if (!('played' in fact)) return;
          const ms = playing.get(fact.played);
          playing.delete(fact.played);
          // No piece follows a dropped one: the leg is on hold or has ended.
          if (ms !== undefined && fact.ms >= ms) next();
        },
      });
      running.set(legId, leave);
      changed(legId);
      begin();
    },
  };
}
