/** Attended transfer: the customer hears music while a person is called, hears a summary, and takes the call or refuses it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Log, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import {
  type Consultation,
  decideConsultation,
  findConsultation,
  insertConsultation,
  openConsultation,
  revokeConsultation,
  settleConsultation,
} from './consultation-rows.ts';
import { missing } from './read-calls.ts';
import { advance, type CallRow, findCall, markTransferred } from './rows.ts';

export interface ConsultParts {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'commit' | 'call'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
}
interface ConsultationRequest {
  readonly callId: string;
  readonly to: string;
  readonly summary: string | null;
}
const lookMs = 200;
/** An attended leg was answered; storing that takes no longer. */
const storedWithinMs = 10_000;

/**
 * Puts the customer on music and dials the person; `settleConsultations` ends consultations that nobody takes. A repeat for the same person
 * changes nothing.
 *
 * @throws PolybError failed_precondition/not_answered, or unimplemented if the audio is not at the gateway
 */
export async function consult(
  { callId, to, summary }: ConsultationRequest,
  { db, bus, now, log }: ConsultParts,
  signal: AbortSignal,
): Promise<{ readonly call: CallRow; readonly consultationId: string }> {
  if ((await findCall(db, callId))?.provider != null)
    throw new PolybError(
      'unimplemented',
      'The provider of the speech model has the audio of this call: nobody can speak with the person first; leave out the mode.',
    );
  const { hasMedia } = await bus.call(telephony.capabilities, {}, { signal });
  if (!hasMedia)
    throw new PolybError('unimplemented', 'This gateway carries no audio: calls can only be transferred blind; leave out the mode.');
  const consultationId = `consultation_${randomUUID()}`;
  const call = await bus.commit(async (tx) => {
    const moved = await advance(tx, callId, 'transferring', new Date(now()));
    if (moved?.legId == null || !(await insertConsultation(tx, { consultationId, callId, callee: to, summary }, new Date(now()))))
      return null;
    // A trunk shows its own number, since networks refuse foreign ones.
    const from = /^(sips?|person):/.test(to) && moved.phoneNumber !== null ? { from: moved.phoneNumber } : {};
    tx.send(telephony.dial, { callId, to, ...from }, { key: consultationId });
    return moved;
  });
  if (call === null) return await repeated(db, callId, to);
  // If the music fails, the customer waits in silence and the person is still asked.
  await bus
    .call(telephony.play, { legId: call.legId ?? '', soundId: 'hold_music' }, { signal })
    .catch((err) => log.warn({ err, callId }, 'a customer waits without music'));
  return { call, consultationId };
}
async function repeated(db: Queries, callId: string, to: string): Promise<{ readonly call: CallRow; readonly consultationId: string }> {
  const call = (await findCall(db, callId)) ?? missing(callId);
  const open = await openConsultation(db, callId);
  if (open?.callee === to && open.outcome !== 'failed') return { call, consultationId: open.consultationId };
  throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${call.state}.`, {
    reason: 'not_answered',
  });
}

/**
 * Asks these people in turn, `rounds` times; returns whether one of them took the call. A leg is attended before the answer of its call is
 * stored, so this waits for that.
 */
export async function consultFirst(
  { callId, people, summary, rounds }: Omit<ConsultationRequest, 'to'> & { readonly people: readonly string[]; readonly rounds: number },
  parts: ConsultParts,
  signal: AbortSignal,
): Promise<boolean> {
  await answerStored(callId, parts.db, AbortSignal.any([signal, AbortSignal.timeout(storedWithinMs)]));
  for (let round = 0; round < rounds; round += 1)
    for (const to of people) {
      try {
        const { consultationId } = await consult({ callId, to, summary }, parts, signal);
        if ((await outcomeOf(consultationId, parts.db, signal)) === 'taken') return true;
      } catch (error) {
        if (!isPolybError(error) || error.reason === 'not_answered') throw error; // otherwise try the next one
      }
    }
  return false;
}
async function answerStored(callId: string, db: Queries, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { state, answeredAt } = (await findCall(db, callId)) ?? missing(callId);
    if (answeredAt !== null || state === 'ended') return;
    await delay(lookMs, undefined, { signal });
  }
}
async function outcomeOf(consultationId: string, db: Queries, signal: AbortSignal): Promise<Consultation['outcome']> {
  for (;;) {
    const found = await findConsultation(db, consultationId);
    if (found === null || found.isSettled) return found?.outcome ?? null;
    await delay(lookMs, undefined, { signal });
  }
}

/** Connects the person who takes the call with the customer; returns false if it is too late. */
export async function takeCall(
  { consultationId, callId, callee }: Consultation,
  legId: string,
  { db, bus, log, now }: ConsultParts,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await decideConsultation(db, consultationId, 'taken', new Date(now())))) return false;
  try {
    const customer = await findCall(db, callId);
    await bus.call(telephony.connect, { legId: customer?.legId ?? '', otherLegId: legId }, { signal });
  } catch (err) {
    log.info({ err, callId }, 'a customer could not be connected with the person who took the call');
    await revokeConsultation(db, consultationId);
    return false;
  }
  await bus.commit(async (tx) => {
    const at = new Date(now());
    await settleConsultation(tx, consultationId, at);
    await advance(tx, callId, 'resumed', at);
    const { leadId, direction } = (await markTransferred(tx, callId, callee)) ?? missing(callId);
    tx.emit(calls.call_transferred, { callId, leadId, direction, to: callee, at: at.toISOString() });
  });
  return true;
}
