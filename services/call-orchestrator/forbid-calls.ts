import { newId } from '../../bus/durable/identity.ts';
import type { Commit, Handler } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { allow, forbid } from './rows.ts';

/** Emits each change of the list as an event, so that other services can keep a copy. */
export function forbidCalls(commit: Commit, now: () => number): Handler<typeof calls.forbid_calls> {
  return ({ phoneNumber, reason }) =>
    commit(async (tx) => {
      const at = new Date(now());
      await forbid(tx, phoneNumber, reason, at);
      tx.emit(calls.do_not_call_changed, { changeId: newId('dnc'), phoneNumber, isForbidden: true, at: at.toISOString() });
      return { phoneNumber };
    });
}

export function allowCalls(commit: Commit, now: () => number): Handler<typeof calls.allow_calls> {
  return ({ phoneNumber }) =>
    commit(async (tx) => {
      await allow(tx, phoneNumber);
      tx.emit(calls.do_not_call_changed, { changeId: newId('dnc'), phoneNumber, isForbidden: false, at: new Date(now()).toISOString() });
      return { phoneNumber };
    });
}
