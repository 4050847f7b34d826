/** Methods and streams of the legs that this process holds. */
import type { Leg, Telephony } from '../../adapters/telephony/port.ts';
import type { HandlersOf, Log } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Metrics } from '../../contracts/kit/metric.ts';
import type { telephony } from '../../contracts/telephony.ts';
import type { LegsElsewhere } from './legs-elsewhere.ts';
import { createMediaQueue, heldFacts, type MediaQueue } from './media-queue.ts';
import { framesDropped } from './metrics.ts';
import type { Recordings } from './record-legs.ts';
import { createSounds } from './sounds.ts';
import { createWhisper, type Whisper } from './whisper.ts';

interface LegActions {
  readonly acts: Omit<HandlersOf<typeof telephony>, 'dial' | 'capabilities' | 'list_trunks' | 'read_recording' | 'list_sip_messages'>;
  /** The leg has ended: its streams end, its sound stops, and the leg that it was connected with is hung up. */
  forget(legId: string): void;
}
const hangUpMs = 5_000;

/** @param unattendedMs how long a leg may stay up after its speaker left without a successor, because its process died */
export function actOnLegs(
  gateway: Telephony,
  {
    recordings,
    metrics,
    log,
    unattendedMs,
    elsewhere,
  }: {
    readonly recordings: Recordings;
    readonly metrics: Metrics;
    readonly log: Log;
    readonly unattendedMs: number;
    readonly elsewhere: LegsElsewhere;
  },
): LegActions {
  const streams = new Map<string, Map<MediaQueue, ReturnType<typeof heldFacts>>>();
  const connected = new Map<string, string>();
  /** By the leg of the person who hears it. */
  const whispers = new Map<string, Whisper>();
  const sounds = createSounds(suspend);
  const isSuspended = (legId: string): boolean => sounds.isPlaying(legId) || connected.has(legId);
  /** Reports to the speakers of a leg whether they are heard. */
  function suspend(legId: string): void {
    for (const { suspend } of streams.get(legId)?.values() ?? []) suspend(isSuspended(legId));
  }
  const unattended = new Map<string, ReturnType<typeof setTimeout>>();
  /** Legs whose speaker left while a sound was playing, such as music for a customer waiting for a person. */
  const deserted = new Set<string>();
  const held = (legId: string): Leg => {
    const leg = gateway.leg?.(legId);
    if (leg !== undefined) return leg;
    throw gateway.leg === undefined
      ? new PolybError('unimplemented', 'This gateway does not hold its legs: they can only be hung up and transferred.')
      : new PolybError('not_found', 'There is no leg with this id.');
  };
  /** Ends whispers on this leg and on the leg connected with it. */
  function endWhispers(legId: string): void {
    for (const each of [legId, connected.get(legId)]) whispers.get(each ?? '')?.end();
  }
  function join(leg: Leg, other: Leg): void {
    if (gateway.connect === undefined) leg.connect(other);
    else gateway.connect(leg, other);
  }
  function part(legId: string): void {
    endWhispers(legId);
    const other = connected.get(legId);
    if (other === undefined) return;
    connected.delete(legId);
    connected.delete(other);
  }
  function end(legId: string): void {
    gateway
      .leg?.(legId)
      ?.hangUp(AbortSignal.timeout(hangUpMs))
      .catch((err) => log.warn({ err, legId }, 'a leg could not be hung up'));
  }
  function attended(legId: string): void {
    clearTimeout(unattended.get(legId));
    unattended.delete(legId);
    deserted.delete(legId);
  }
  function left(legId: string): void {
    if (gateway.leg?.(legId) === undefined || connected.has(legId)) return;
    attended(legId);
    if (sounds.isPlaying(legId)) {
      deserted.add(legId);
      return;
    }
    const timer = setTimeout(() => {
      unattended.delete(legId);
      log.warn({ legId }, 'a leg is hung up because its speaker is gone');
      end(legId);
    }, unattendedMs);
    unattended.set(legId, timer);
  }
  /** A leg with a sound or a connection plays only that; audio from its speaker meanwhile counts as dropped. */
  function apply(leg: Leg, item: { id: string; audio: Uint8Array } | { clear: true } | { mark: string }, speaker: MediaQueue): void {
    if (isSuspended(leg.legId)) {
      if (!('clear' in item)) speaker.fact({ played: 'mark' in item ? item.mark : item.id, ms: 0 });
      return;
    }
    const whisper = whispers.get(leg.legId);
    if ('audio' in item && whisper !== undefined) whisper.pass(item.audio);
    else if ('audio' in item) leg.media.play(item);
    else if ('mark' in item) leg.media.mark(item.mark);
    else leg.media.clear();
  }

  return {
    forget(legId) {
      sounds.stop(legId);
      const other = connected.get(legId);
      part(legId);
      if (other !== undefined) {
        end(other);
        elsewhere.part(legId);
      }
      attended(legId);
      for (const queue of streams.get(legId)?.keys() ?? []) queue.close();
      streams.delete(legId);
    },
    acts: {
      answer: async ({ legId }, { signal }) => {
        await held(legId).answer(signal);
        return {};
      },
      reject: async ({ legId, cause }, { signal }) => {
        await held(legId).reject(cause, signal);
        return {};
      },
      hang_up: async ({ legId }, { signal }) => {
        await (gateway.leg?.(legId)?.hangUp(signal) ?? gateway.hangUp(legId, signal));
        return {};
      },
      hold: async ({ legId }, { signal }) => {
        await held(legId).hold(signal);
        return {};
      },
      resume: async ({ legId }, { signal }) => {
        await held(legId).resume(signal);
        return {};
      },
      transfer: async ({ legId, to }, { signal }) => {
        await (gateway.leg?.(legId)?.transfer(to, signal) ?? gateway.transfer(legId, to, signal));
        return {};
      },
      connect: async ({ legId, otherLegId }, { signal }) => {
        const leg = held(legId);
        const other = gateway.leg?.(otherLegId);
        if (other === leg) throw new PolybError('invalid_argument', 'A leg cannot be connected with itself.');
        if (other === undefined) await elsewhere.reach(otherLegId, signal);
        for (const each of [legId, otherLegId]) {
          sounds.stop(each);
          part(each);
        }
        if (other === undefined) elsewhere.connect(leg, otherLegId);
        else join(leg, other);
        connected.set(legId, otherLegId).set(otherLegId, legId);
        for (const each of [legId, otherLegId]) suspend(each);
        return {};
      },
      send_dtmf: async ({ legId, digits }) => {
        held(legId).sendDtmf(digits);
        return {};
      },
      play: async ({ legId, soundId, repeat }) => {
        sounds.play(held(legId), soundId, repeat);
        return {};
      },
      stop: async ({ legId }) => {
        const leg = held(legId);
        sounds.stop(legId);
        leg.media.clear();
        if (deserted.has(legId)) left(legId);
        return {};
      },
      record: async ({ legId, on }) => {
        const leg = held(legId);
        return { recordingId: on ? await recordings.begin(leg) : recordings.pause(legId) };
      },
      async *whisper({ legId }, up, { signal }) {
        const leg = held(legId);
        if (whispers.has(legId))
          throw new PolybError('conflict', 'Somebody whispers to this person already.', { reason: 'already_whispered' });
        // If another instance holds the other leg, its audio arrives by a stream.
        const other = gateway.leg?.(connected.get(legId) ?? '');
        const isRecorded = recordings.idOf(legId) !== null;
        if (isRecorded) recordings.pause(legId);
        if (other !== undefined) {
          if (gateway.part === undefined) leg.connect(null);
          else gateway.part(leg, other);
        }
        const whisper = createWhisper(leg, other);
        whispers.set(legId, whisper);
        const speaking = async (): Promise<void> => {
          for await (const audio of up) await whisper.say(audio, signal);
        };
        let failure: unknown;
        speaking().catch((thrown) => {
          failure = thrown;
          whisper.end();
        });
        try {
          yield* whisper.heard(signal);
          if (failure !== undefined) throw failure;
        } finally {
          whispers.delete(legId);
          whisper.end();
          leg.media.clear();
          other?.media.clear();
          if (other !== undefined && connected.get(legId) === other.legId) join(leg, other);
          if (isRecorded && gateway.leg?.(legId) === leg)
            recordings.begin(leg).catch((err) => log.warn({ err, legId }, 'a recording did not go on after a whisper'));
        }
      },
      async *media({ legId }, up, { signal }) {
        const leg = held(legId);
        const queue = createMediaQueue(() => metrics.count(framesDropped, {}));
        const facts = heldFacts(queue);
        streams.set(legId, (streams.get(legId) ?? new Map()).set(queue, facts));
        attended(legId);
        const stop = leg.media.listen(facts);
        facts.suspend(isSuspended(legId));
        let failure: unknown;
        const speaking = async (): Promise<void> => {
          for await (const item of up) apply(leg, item, queue);
        };
        speaking().catch((thrown) => {
          failure = thrown;
          queue.close();
        });
        try {
          yield* queue.items(signal);
          if (failure !== undefined) throw failure;
        } finally {
          stop();
          streams.get(legId)?.delete(queue);
          if (streams.get(legId)?.size === 0) left(legId);
        }
      },
    },
  };
}
