import type { Handler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import { countDecision } from './approve-row.ts';
import { changeRow, type JournalParts } from './change-row.ts';

/** The customer's own act confirms what they were shown. Neither a person of the staff nor a key can give this approval. */
export function confirmRow(parts: JournalParts): Handler<typeof journal.confirm> {
  return async ({ id, hash, evidence }, { caller }) => {
    const act = `${evidence.kind}/${evidence.id}`;
    const action = { who: caller, did: 'confirmed by the customer', why: act.slice(0, 200) };
    const change = (row: { readonly id: string }) => parts.desk.confirm(row.id, hash, act, action);
    return countDecision(parts, 'approved', await changeRow(parts, { id, expected: 'proposed', change, hash, needs: 'customer' }));
  };
}
