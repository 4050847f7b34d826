/** Calls in amoCRM: a note of the record that the call is about; if that record is gone, amoCRM picks one by the phone. */
import { z } from 'zod';
import type { crm } from '../../../contracts/crm.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import { type Crm, subjectOf } from '../../crm/port.ts';
import { type AmoClient, type AmoRecord, objectIn, successful } from './client.ts';
import { requiredId, secondsOf } from './records.ts';

type LogCall = ParsedOf<typeof crm.log_call>;
/** 4: a conversation took place; 6: no connection; 7: busy. */
const statuses: Readonly<Record<LogCall['outcome'], number | undefined>> = {
  answered: 4,
  busy: 7,
  no_answer: 6,
  rejected: 6,
  cancelled: 6,
  failed: 6,
  unknown: undefined,
};
/** amoCRM's clock may be behind ours. */
const clockSkewSeconds = 600;

export function logCalls(amo: AmoClient, settleMs: number): Crm['logCall'] {
  const placeOf = (input: LogCall) => {
    const { kind, id } = subjectOf(input);
    return `${kind === 'contact' ? 'contacts' : 'leads'}/${requiredId(kind, id)}/notes`;
  };
  const detailsOf = ({ callId, outcome, phoneNumber, durationMs }: LogCall, ref: string) => ({
    uniq: ref,
    duration: Math.round(durationMs / 1000),
    source: 'PolyB',
    phone: phoneNumber,
    call_status: statuses[outcome],
    call_result: `PolyB call ${callId}: ${outcome}`,
  });

  /** Picks a record by the last ten digits of the phone: its one active lead, else the contact. */
  async function byPhone(input: LogCall, ref: string, signal: AbortSignal): Promise<number> {
    const what = 'Logging a call in amoCRM';
    const call = { ...detailsOf(input, ref), direction: input.direction, created_at: secondsOf(input.startedAt) };
    const answer = await amo.post('calls', [call], signal);
    // There is no such record: 400, or 200 with an error in the place of the call.
    const body = answer.status === 200 || answer.status === 400 ? Logged.safeParse(objectIn(answer, what)).data : undefined;
    if (body?.errors.some(({ status }) => status === entityNotFound))
      throw new PolybError('failed_precondition', 'amoCRM has neither the record of this call nor one with its phone.', {
        reason: 'crm_rejected',
        data: { field: 'phoneNumber' },
      });
    successful(answer, what);
    const id = body?._embedded?.calls?.[0]?.id;
    if (id === undefined)
      throw new PolybError('upstream_failed', `${what}: expected _embedded.calls in the reply.`, { reason: 'bad_reply' });
    return id;
  }

  return {
    async attempt(input, { ref, signal }) {
      const note = {
        note_type: input.direction === 'inbound' ? 'call_in' : 'call_out',
        created_at: secondsOf(input.startedAt),
        params: detailsOf(input, ref),
      };
      try {
        return { crmCallId: String(await amo.create(placeOf(input), 'notes', note, signal)) };
      } catch (thrown) {
        if (!isPolybError(thrown) || thrown.code !== 'not_found') throw thrown;
        return { crmCallId: String(await byPhone(input, ref, signal)) };
      }
    },
    onUnknown: lookUp(settleMs, async ({ ref, input, attemptedAt }: { ref: string; input: LogCall; attemptedAt: number }, signal) => {
      const ofCalls = [
        ['filter[note_type][]', 'call_in'],
        ['filter[note_type][]', 'call_out'],
        ['order[id]', 'desc'],
      ] as const;
      const since = ['filter[updated_at][from]', secondsOf(new Date(attemptedAt)) - clockSkewSeconds] as const;
      for (const [path, query] of [
        [placeOf(input), ofCalls],
        ['leads/notes', [...ofCalls, since]],
        ['contacts/notes', [...ofCalls, since]],
      ] as const) {
        const found = (await amo.list(path, 'notes', query, { signal })).find((note) => uniqOf(note) === ref);
        if (found !== undefined) return { crmCallId: String(found.id) };
      }
      return null;
    }),
  };
}

const entityNotFound = 263;
const Logged = z.object({
  errors: z.array(z.object({ status: z.number().optional() })).default([]),
  _embedded: z.object({ calls: z.array(z.object({ id: z.number() })).optional() }).optional(),
});
function uniqOf({ params }: AmoRecord): unknown {
  return typeof params === 'object' && params !== null ? (params as { readonly uniq?: unknown }).uniq : undefined;
}
