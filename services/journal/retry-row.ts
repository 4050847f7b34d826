import type { Handler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { auditActionOf, changeRow, type JournalParts } from './change-row.ts';
import { findRow } from './find-row.ts';
import { parsePublished } from './published-schema.ts';
import { showRow } from './shown-row.ts';

export function retryRow(parts: JournalParts): Handler<typeof journal.retry> {
  const { desk, now } = parts;
  return async ({ id, from, input, ...by }, context) => {
    const row = await findRow(desk, id);
    const retry = (expected: string) =>
      changeRow(parts, { id, expected, change: () => desk.retry(row.id, auditActionOf(context, 'retried', by)) });
    if (from === undefined && input === undefined) return retry('failed, expired or cancelled, and not a call that its caller may repeat');
    if (row.mode !== 'run' || from === undefined)
      throw new PolybError('invalid_argument', 'Only a run can be retried from a step: give from, and the edited input.');
    const step = (await desk.steps(row.id)).findLast((each) => each.step === from);
    if (step === undefined) throw new PolybError('not_found', `${row.id} has not reached a step ${from}.`);
    if (input === undefined) {
      if (step.state !== 'done') return retry('failed, expired or cancelled');
      throw new PolybError('failed_precondition', `The step ${from} is done; give an edited input to repeat it.`, {
        reason: 'wrong_state',
      });
    }
    const edited = await parsePublished(desk, step.method, 'input', input);
    const refused = await desk.retryFrom(row.id, from, edited, auditActionOf(context, `retried from ${from}`, by));
    if (refused === 'outcome_unknown')
      throw new PolybError('failed_precondition', `The outcome of ${from}, or of a later step, is unknown; resolve it first.`, {
        reason: 'outcome_unknown',
      });
    if (refused !== null)
      throw new PolybError('failed_precondition', `${row.id} is ${row.state} and cannot continue from ${from}.`, { reason: 'wrong_state' });
    return showRow(desk, await findRow(desk, row.id), now());
  };
}
