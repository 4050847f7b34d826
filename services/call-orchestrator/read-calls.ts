import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { badCursor, narrowedTo } from '../../contracts/common.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type CallPlace, countCalls, findCall, listCalls as listRows } from './rows.ts';

export function getCall(db: Queries): Handler<typeof calls.get_call> {
  return async ({ callId, viewer }) => (await findCall(db, callId, narrowedTo(viewer))) ?? missing(callId);
}

export function listCalls(db: Queries): Handler<typeof calls.list_calls> {
  return async ({ order, limit, cursor, viewer, ...wanted }) => {
    const after = cursor === undefined ? undefined : placeOf(cursor, order);
    const { calls, next } = await listRows(db, { ...wanted, seenBy: narrowedTo(viewer) }, { order, limit, after });
    return { items: [...calls], nextCursor: next === null ? null : cursorOf(next, order) };
  };
}
export function callTotals(db: Queries): Handler<typeof calls.call_totals> {
  return async ({ viewer }) => {
    const { oldestAt, ...counts } = await countCalls(db, narrowedTo(viewer));
    return { ...counts, oldestAt: oldestAt?.toISOString() ?? null };
  };
}

type Order = ParsedOf<typeof calls.list_calls>['order'];
const cursorOf = ({ attention, seq }: CallPlace, order: Order): string => (order === 'newest' ? seq : `${attention}.${seq}`);
function placeOf(cursor: string, order: Order): CallPlace {
  const [, attention = '0', seq] = (order === 'newest' ? /^()(\d{1,18})$/ : /^(\d)\.(\d{1,18})$/).exec(cursor) ?? [];
  if (seq === undefined) throw badCursor();
  return { attention: Number(attention), seq };
}

export function missing(callId: string): never {
  throw new PolybError('not_found', `There is no call ${callId}; list_calls shows the existing ones.`);
}
