import { type Consumer, on } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { noteChange } from './do-not-call.ts';

export function onDoNotCallChanged(): Consumer {
  return on(calls.do_not_call_changed, (change, tx) => noteChange(tx, change), { fromOldest: true });
}
