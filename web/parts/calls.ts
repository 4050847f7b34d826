/** Calls in words, wherever one is shown. */
import type { VNode } from 'preact';
import type { calls } from '../../contracts/calls.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { callWords } from '../words/call.ts';

export type Call = OutputOf<typeof calls.list_calls>['items'][number];
export const callStates = [
  'queued',
  'ringing',
  'early',
  'answered',
  'held',
  'transferring',
  'ended',
] as const satisfies readonly Call['state'][];
export const callOutcomes = [
  'answered',
  'busy',
  'no_answer',
  'rejected',
  'cancelled',
  'failed',
  'unknown',
] as const satisfies readonly NonNullable<Call['outcome']>[];

/** The phone of the customer, and the direction of the call in front of it. */
export function callPhone(desk: Desk, { direction, phoneNumber }: Pick<Call, 'direction' | 'phoneNumber'>): string {
  const t = desk.words(callWords);
  const phone = phoneNumber === null ? t('withheld') : desk.format.value.phone(phoneNumber);
  return direction === 'in' ? `${t('inbound')} ${phone}` : phone;
}
/** The outcome of a call that has ended, else its state. */
export function callStatus(desk: Desk, { state, outcome }: Pick<Call, 'state' | 'outcome'>): string {
  const t = desk.words(callWords);
  return outcome === null ? t(`state_${state}`) : t(`outcome_${outcome}`);
}
export function CallTag({ desk, call }: { desk: Desk; call: Call }): VNode {
  const look = call.needsAttention ? 'bad' : call.outcome === 'answered' || call.state === 'answered' ? 'good' : '';
  return html`<span class=${`tag ${look}`}>${call.needsAttention && '! '}${callStatus(desk, call)}</span>`;
}
/** How long the talk was, or how long an unanswered call has waited; empty for one that ended without a talk. */
export function callLength(desk: Desk, { state, createdAt, answeredAt, endedAt }: Call): string {
  const t = desk.words(callWords);
  const { age, duration } = desk.format.value;
  if (answeredAt !== null) {
    const time = endedAt === null ? age(answeredAt, desk.now.value) : duration(Date.parse(endedAt) - Date.parse(answeredAt));
    return t('talked', { time });
  }
  return state === 'ended' ? '' : t('waits', { time: age(createdAt, desk.now.value) });
}
