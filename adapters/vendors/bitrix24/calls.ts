/** Calls in Bitrix24: as calls of telephony for an application, as comments for a webhook and about a deal. */
import type { z } from 'zod';
import type { CallOutcome, crm } from '../../../contracts/crm.ts';
import { type Effect, lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { subjectOf } from '../../crm/port.ts';
import { type BitrixClient, resultOf, timeOf } from './client.ts';
import { entity, isItemId, noRecord } from './contacts.ts';
import { isObject } from './envelope.ts';
import type { Notes } from './notes.ts';

type Input = ParsedOf<typeof crm.log_call>;
/** Result codes of telephony. */
const codes = {
  answered: '200',
  busy: '486',
  no_answer: '304',
  rejected: '603',
  cancelled: '603-S',
  failed: '503',
  unknown: 'OTHER',
} as const satisfies Record<z.output<typeof CallOutcome>, string>;

export function callEffect({
  bitrix,
  notes,
  userId,
  settleMs,
}: {
  readonly bitrix: BitrixClient;
  readonly notes: Notes;
  readonly userId: number;
  readonly settleMs: number;
}): Effect<typeof crm.log_call> {
  /** Telephony knows contacts, companies and leads. */
  const isNative = (input: Input) => bitrix.kind === 'application' && subjectOf(input).kind !== 'deal';

  /** One request: a record that is not there ends it before the call is registered. */
  async function register(input: Input, { ref, signal }: { readonly ref: string; readonly signal: AbortSignal }): Promise<string> {
    const { kind, id } = subjectOf(input);
    if (!isItemId(id)) throw noRecord(kind, id);
    const { direction, outcome, phoneNumber, startedAt, durationMs } = input;
    const common = { USER_ID: userId, ADD_TO_CHAT: 0 };
    const call = {
      ...common,
      PHONE_NUMBER: phoneNumber,
      TYPE: direction === 'outbound' ? 1 : 2,
      CALL_START_DATE: timeOf(startedAt),
      CRM_CREATE: 0,
      CRM_ENTITY_TYPE: kind.toUpperCase(),
      CRM_ENTITY_ID: Number(id),
      SHOW: 0,
      // For half an hour the same values return the same call.
      EXTERNAL_CALL_ID: ref,
    };
    const end = { ...common, CALL_ID: resultOf('call', 'CALL_ID'), DURATION: Math.round(durationMs / 1000), STATUS_CODE: codes[outcome] };
    const result = await bitrix.batch(
      {
        record: { method: 'crm.item.get', params: { entityTypeId: entity[kind], id } },
        call: { method: 'telephony.externalCall.register', params: call },
        end: { method: 'telephony.externalCall.finish', params: end },
      },
      { signal, halt: true },
    );
    result('record', { NOT_FOUND: () => noRecord(kind, id) });
    const registered = result('call');
    result('end');
    return callIdOf(registered);
  }
  return {
    async attempt(input, at) {
      if (isNative(input)) return { crmCallId: await register(input, at) };
      const { direction, outcome, phoneNumber, startedAt, durationMs, callId } = input;
      const text = `PolyB call ${callId}: ${direction}, ${outcome}, ${phoneNumber}, ${startedAt}, ${Math.round(durationMs / 1000)} s`;
      return { crmCallId: await notes.add(subjectOf(input), text, at) };
    },
    onUnknown: lookUp(settleMs, async ({ ref, input }: { readonly ref: string; readonly input: Input }, signal) => {
      if (!isNative(input)) {
        const noteId = await notes.find(subjectOf(input), ref, signal);
        return noteId === null ? null : { crmCallId: noteId };
      }
      const calls = await bitrix.list('voximplant.statistic.get', { FILTER: { EXTERNAL_CALL_ID: ref } }, { signal });
      const call = calls.find(({ EXTERNAL_CALL_ID }) => EXTERNAL_CALL_ID === ref);
      return call === undefined ? null : { crmCallId: callIdOf(call) };
    }),
  };
}
function callIdOf(call: unknown): string {
  return String(isObject(call) ? call.CALL_ID : '');
}
