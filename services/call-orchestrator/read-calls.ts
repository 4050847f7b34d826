import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type CallRow, findCall, listCalls as listRows } from './rows.ts';

export function getCall(db: Queries): Handler<typeof calls.get_call> {
  return async ({ callId }) => shownCall((await findCall(db, callId)) ?? missing(callId));
}

export function listCalls(db: Queries): Handler<typeof calls.list_calls> {
  return async ({ limit, cursor, ...wanted }) => {
    if (cursor !== undefined && !/^\d{1,18}$/.test(cursor))
      throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page, unchanged.');
    const { calls, next } = await listRows(db, { ...wanted, before: cursor }, limit);
    return { items: calls.map(shownCall), nextCursor: next };
  };
}

/** The public fields of a row. */
export function shownCall({ legId: _, ...call }: CallRow): Omit<CallRow, 'legId'> {
  return call;
}

export function missing(callId: string): never {
  throw new PolybError('not_found', `There is no call ${callId}; list_calls shows the existing ones.`);
}
