/** What the journal does with rows of a method whose attempt ends without a known outcome, as far as PostgreSQL must know. */
import { type Effect, isEffect, type Method, type OnUnknown } from '../../contracts/kit/define.ts';
import type { KeyedHandler } from './journal-parts.ts';
import type { MethodPolicy, RowPolicy, UnknownPolicy } from './store.ts';

export function policyOf(method: Method, handler: KeyedHandler): MethodPolicy {
  const common = { method: method.address, settles: method.settles };
  if (!isEffect(handler)) return { ...common, handling: 'function', settleMs: 0 };
  const { onUnknown } = handler;
  if (onUnknown.do !== 'by_field') return { ...common, ...unknownPolicy(onUnknown) };
  const of = Object.entries(onUnknown.of).map(([value, each]) => [value, unknownPolicy(each)] as const);
  // A value that has no effect here any more is for a person.
  return {
    ...common,
    handling: 'review',
    settleMs: 0,
    byField: { field: onUnknown.field, absent: onUnknown.absent ?? null, of: Object.fromEntries(of) },
  };
}
/** @throws TypeError when effects that are picked by a field are picked by a field again */
function unknownPolicy(onUnknown: Effect['onUnknown'] | OnUnknown): UnknownPolicy {
  if (onUnknown.do === 'by_field') throw new TypeError('byField inside of byField');
  return { handling: onUnknown.do, settleMs: 'settleMs' in onUnknown ? onUnknown.settleMs : 0 };
}
/** The policy of a row with this input; `journal.policy_of` is the same in SQL. */
export function policyFor({ byField, ...policy }: MethodPolicy, input: unknown): RowPolicy {
  if (byField === undefined) return policy;
  return { ...policy, ...byField.of[String((input as Readonly<Record<string, unknown>>)[byField.field] ?? byField.absent)] };
}
