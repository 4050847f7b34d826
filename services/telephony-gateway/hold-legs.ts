/** Handles the legs that this process holds: their rows, owned methods, durable changes, and answering. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Leg, LegChange, LegHost } from '../../adapters/telephony/port.ts';
import type { Bus, Log, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { Phone } from '../../contracts/common.ts';
import { telephony } from '../../contracts/telephony.ts';
import type { OwnedLegs } from './own-legs.ts';
import type { Recordings } from './record-legs.ts';
import { deleteLeg, dialogWith, insertLeg, legOfRef, saveDialog, storeChange } from './rows.ts';
import { insertSipMessages } from './sip-message-rows.ts';

interface Parts {
  readonly bus: Pick<Bus, 'commit' | 'call'>;
  readonly db: Queries;
  readonly owned: OwnedLegs;
  readonly holder: string;
  readonly log: Log;
  readonly recordings: Recordings;
  /** Whether every answered leg is recorded. */
  readonly recordsAll: boolean;
  /** Called when a leg of this process has ended. */
  readonly ended: (legId: string) => void;
}
export interface Holder extends LegHost {
  /** The instance is stopping: legs that it hangs up from now on end with the cause `holder_lost`. */
  leave(): void;
  /** Resolves when every change so far is stored. */
  stored(): Promise<void>;
}
const decideMs = 10_000;
const longestRetryMs = 5_000;

export function holdLegs({ bus, db, owned, holder, recordings, recordsAll, log, ended }: Parts): Holder {
  /** The last queued change of each leg. */
  const queues = new Map<string, Promise<void>>();
  /** The last pending save of each leg's dialog. Saves run in order, so that an older dialog never overwrites a newer one. */
  const saves = new Map<string, Promise<void>>();
  let isLeaving = false;

  async function store(change: LegChange): Promise<void> {
    for (let waitMs = 50; ; waitMs = Math.min(2 * waitMs, longestRetryMs)) {
      try {
        return await bus.commit(async (tx) => {
          if (await storeChange(tx, change)) tx.emit(telephony.leg_changed, change);
        });
      } catch (err) {
        log.warn({ err, legId: change.legId }, 'a change of a leg could not be stored and will be retried');
        await delay(waitMs);
      }
    }
  }
  function forget(legId: string, last: Promise<void>): void {
    if (queues.get(legId) === last) queues.delete(legId);
  }
  /** Stores the changes of an offered leg after its call: the end of a caller who gives up at once would find no call. */
  function storeAfter(legId: string, routing: Promise<unknown>): void {
    const next: Promise<void> = Promise.allSettled([queues.get(legId), routing]).then(() => forget(legId, next));
    queues.set(legId, next);
  }
  async function offer(leg: Leg): Promise<void> {
    const signal = AbortSignal.timeout(decideMs);
    try {
      const { callId, legId } = leg;
      const from = Phone.safeParse(leg.from).data ?? null;
      const routing = bus.call(calls.route_call, { callId, legId, from, to: leg.to ?? 'unknown' }, { signal });
      storeAfter(legId, routing);
      const decided = await routing;
      if (decided.decision === 'answer') await leg.answer(signal);
      else await leg.reject(decided.cause, signal);
    } catch (err) {
      log.warn({ err, legId: leg.legId }, 'an inbound call could not be routed or answered');
      await leg.reject('congestion', AbortSignal.timeout(decideMs)).catch(() => {}); // It has ended meanwhile.
    }
  }
  async function attend({ callId, legId }: Leg): Promise<void> {
    try {
      await bus.call(calls.attend_leg, { callId, legId });
    } catch (err) {
      log.warn({ err, legId }, 'an answered leg could not be attended');
    }
  }
  return {
    async hold(leg, ref) {
      const { legId, callId, direction, from, to } = leg;
      if (!(await insertLeg(db, { legId, callId, ref, direction, from, to, holder }))) return false;
      owned.own(legId);
      return true;
    },
    async release(legId) {
      owned.release(legId);
      await deleteLeg(db, legId);
    },
    failed: (err) => log.warn({ err }, 'the row of a leg could not be written'),
    find: (ref) => legOfRef(db, ref),
    save(legId, dialog) {
      const saving = (saves.get(legId) ?? Promise.resolve())
        .catch(() => {}) // the caller has the error
        .then(() => saveDialog(db, legId, dialog))
        .finally(() => saves.get(legId) === saving && saves.delete(legId));
      saves.set(legId, saving);
      return saving;
    },
    saved: (fields) => dialogWith(db, fields),
    traced: (messages) => insertSipMessages(db, messages),
    changed(change) {
      const { legId } = change;
      const recordingId = change.recordingId ?? recordings.idOf(legId);
      const isLost = isLeaving && change.state === 'ended' && change.endedBy === 'system';
      const known = { ...change, recordingId, ...(isLost ? { hangUpCause: 'holder_lost' as const } : {}) };
      const next = (queues.get(legId) ?? Promise.resolve()).then(() => store(known));
      queues.set(legId, next);
      if (change.state !== 'ended') return;
      ended(legId);
      recordings.forget(legId);
      owned.release(legId);
      void next.then(() => forget(legId, next));
    },
    offered: (leg) => void offer(leg),
    answered(leg) {
      if (recordsAll && leg.media.record !== undefined)
        recordings.begin(leg).catch((err) => log.error({ err, legId: leg.legId }, 'a leg could not be recorded'));
      void attend(leg);
    },
    leave() {
      isLeaving = true;
    },
    stored: async () => void (await Promise.all(queues.values())),
  };
}
