import type { Bus, Handler } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { callsRefused } from './metrics.ts';
import { type Routes, routeOfLine } from './routes.ts';
import { insertInboundCall } from './rows.ts';

/** A call to a number without a route is refused and not stored, because strangers try many numbers. */
export function routeCall(bus: Pick<Bus, 'commit'>, routes: Routes, now: () => number): Handler<typeof calls.route_call> {
  return async ({ callId, legId, from, to }) => {
    const isKnown = routeOfLine(routes, to) !== undefined;
    await bus.commit(async (tx) => {
      if (!isKnown) return tx.count(callsRefused, { cause: 'wrong_number' });
      const call = await insertInboundCall(tx, { callId, legId, phoneNumber: from, line: to, createdAt: new Date(now()) });
      if (call === null) return;
      const step = { callId, leadId: null, direction: 'in' as const, at: call.createdAt };
      tx.emit(calls.call_started, step);
      tx.emit(calls.call_ringing, step);
    });
    return isKnown ? { decision: 'answer' } : { decision: 'reject', cause: 'wrong_number' };
  };
}
