/** What stands between the model and its effects. */
import type { Tx } from '../../bus/service.ts';
import { checkText } from './claims/check-text.ts';

type Approval = NonNullable<Parameters<Tx['send']>[2]['approval']>;
export interface Rules {
  readonly check: typeof checkText;
  /** Who decides on a row that a tool of this policy leads to. */
  readonly approval: Readonly<Record<'customer' | 'staff', Approval>>;
  /** Of a turn. */
  readonly limits: { readonly steps: number; readonly toolCalls: number; readonly writes: number };
}

export const rules: Rules = {
  check: checkText,
  approval: { customer: 'customer', staff: 'staff' },
  limits: { steps: 6, toolCalls: 8, writes: 2 },
};
