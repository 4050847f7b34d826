import { randomUUID } from 'node:crypto';
import type { Handler } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { askAgainMs } from './may-call.ts';
import { insertCall } from './rows.ts';

/** Stores the call, its event and its dial in one transaction. @throws PolybError failed_precondition/active_call. */
export function startCall(now: () => number): Handler<typeof calls.start_call> {
  return ({ leadId, phoneNumber, createdById = null, timeZone = null, trunk, line }, { key, commit }) =>
    commit(async (tx) => {
      const callId = `call_${randomUUID()}`;
      const createdAt = new Date(now());
      // The guard has checked this already; here the database decides between two concurrent calls.
      if (!(await insertCall(tx, { callId, key, leadId, phoneNumber, createdById, timeZone, line: line ?? null, createdAt })))
        throw new PolybError('failed_precondition', 'This phone is in a call; try again after it ends.', {
          reason: 'active_call',
          retryAfterMs: askAgainMs,
        });
      const at = createdAt.toISOString();
      tx.emit(calls.call_started, { callId, leadId, direction: 'out', at });
      const from = { ...(line !== undefined && { from: line }), ...(trunk !== undefined && { trunk }) };
      tx.send(telephony.dial, { callId, to: phoneNumber, ...from }, { key });
      return { callId, state: 'queued', leadId, phoneNumber, createdAt: at };
    });
}
