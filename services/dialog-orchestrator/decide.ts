/** Carries out what the customer decided about a proposal, and says how it ended. */

import { parsed } from '../../bus/durable/identity.ts';
import type { Context } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { journal } from '../../contracts/journal.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import { isPolybError, type PolybError } from '../../contracts/kit/errors.ts';
import type { Proposal } from './rows/proposals.ts';
import type { Deed, Language, MadeAppointment, Session } from './rows/sessions.ts';
import { whenText } from './said.ts';
import { type Words, wordsFor } from './words.ts';

export const methods = {
  create: booking.create_appointment,
  move: booking.reschedule_appointment,
  cancel: booking.cancel_appointment,
} as const;
const deeds: Readonly<Record<Proposal['what'], Deed>> = { create: 'booked', move: 'moved', cancel: 'cancelled' };
type Slot = OutputOf<typeof booking.get_free_slots>['slots'][number];

export interface Settled {
  readonly proposal: Proposal;
  readonly state: Proposal['state'];
  /** For the customer; null if they know it already. */
  readonly text: string | null;
  /** It tells what was done. */
  readonly isReceipt: boolean;
  readonly deed?: Deed;
  /** What was booked, as the booking system names it. */
  readonly made?: MadeAppointment;
  /** Other times, if the slot was taken meanwhile. */
  readonly slots?: readonly Slot[];
  /** A person must look at it. */
  readonly trouble?: string;
  readonly evidence?: string;
}
/** How long a turn waits for the booking system; what takes longer is told later. */
const patienceMs = 15_000;

export interface Evidence {
  readonly kind: 'press' | 'message';
  readonly id: string;
}
/** @param hash of the version that the option names; null for words of the customer */
export async function confirm(
  proposal: Proposal,
  hash: string | null,
  evidence: Evidence,
  context: Context,
  session: Pick<Session, 'language' | 'isSpoken'>,
): Promise<Settled> {
  const said = wordsFor(session);
  const act = `${evidence.kind}/${evidence.id}`;
  // The same act again: its outcome was written already, or will be.
  if (proposal.state !== 'open' && proposal.evidence !== null && proposal.state !== 'declined')
    return { proposal, state: proposal.state, text: null, isReceipt: false };
  if (proposal.state !== 'open' && proposal.state !== 'done')
    return { proposal, state: proposal.state, text: said.goneProposal, isReceipt: false };
  try {
    await context.call(journal.confirm, { id: proposal.rowId, hash: hash ?? proposal.hash, evidence });
  } catch (error) {
    if (!isPolybError(error)) throw error;
    const state = (error.data as { readonly state?: string } | undefined)?.state;
    // An earlier run of this turn confirmed it.
    const isUnderWay =
      error.reason === 'decided' && ['queued', 'attempting', 'done', 'failed', 'unknown', 'review', 'waiting'].includes(state ?? '');
    if (!isUnderWay) {
      if (!['decided', 'stale', 'hash_mismatch', 'wrong_state'].includes(error.reason ?? '')) throw error;
      return { proposal, state: state === 'expired' ? 'expired' : 'outdated', text: said.goneProposal, isReceipt: false };
    }
  }
  return { ...(await outcomeOf(proposal, context, session, patienceMs)), evidence: act };
}

/** The outcome of a confirmed proposal, as far as it is known. */
export async function outcomeOf(
  proposal: Proposal,
  context: Context,
  session: Pick<Session, 'language' | 'isSpoken'>,
  timeoutMs: number,
): Promise<Settled> {
  const said = wordsFor(session);
  const method = methods[proposal.what];
  try {
    const output = await context.call(method, parsed(method, proposal.input) as InputOf<typeof method>, { key: proposal.key, timeoutMs });
    return {
      proposal,
      state: 'done',
      text: said.receipt(receiptWords(proposal, output, session.language)),
      isReceipt: true,
      deed: deeds[proposal.what],
      ...madeIn(output),
    };
  } catch (error) {
    if (!isPolybError(error)) throw error;
    return failed(proposal, error, said);
  }
}

function failed(proposal: Proposal, error: PolybError, said: Words): Settled {
  if (error.code === 'cancelled') throw error;
  if (error.reason === 'slot_busy' || error.reason === 'slot_expired') {
    const slots = (error.data as { readonly slots?: readonly Slot[] } | undefined)?.slots ?? [];
    return { proposal, state: 'failed', text: slots.length > 0 ? said.busy : said.busyNone, isReceipt: true, slots };
  }
  const isOpen = error.outcome === 'unknown' || error.code === 'deadline_exceeded' || error.reason === 'outcome_unknown';
  if (isOpen || error.retryable) return { proposal, state: 'unknown', text: said.checking, isReceipt: true };
  return { proposal, state: 'failed', text: said.failed, isReceipt: true, trouble: error.reason ?? error.code };
}

function madeIn(output: unknown): Pick<Settled, 'made'> {
  const { appointment, created } = output as {
    readonly appointment?: { readonly appointmentId: string; readonly clientId: string | null };
    readonly created?: boolean;
  };
  // One that was there before was made by the owner of the phone, who may be another person.
  if (appointment === undefined || appointment.clientId === null || created === false) return {};
  return { made: { appointmentId: appointment.appointmentId, clientId: appointment.clientId } };
}

/** The receipt is written from the booking system's answer, not from what was proposed. */
function receiptWords(proposal: Proposal, output: unknown, language: Language): Parameters<Words['receipt']>[0] {
  const { details, what } = proposal;
  const { appointment } = output as { readonly appointment?: { readonly start: string; readonly employeeName: string | null } };
  const start = appointment?.start ?? details.start;
  return {
    what,
    services: details.services,
    employee: appointment === undefined ? details.employee : (appointment.employeeName ?? details.employee),
    when: whenText(start, language),
    from: null,
    price: details.price,
    name: details.name,
    phone: null,
  };
}
