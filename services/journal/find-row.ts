import type { AdminRow, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

/** The row with this id, key or trace; also by the beginning of its id.
 *  @param manager Only rows that this manager may see.
 *  @throws PolybError not_found; invalid_argument/ambiguous */
export async function findRow(desk: Pick<JournalAdmin, 'find'>, id: string, manager?: string): Promise<AdminRow> {
  const [row, other] = await desk.find(id, manager);
  const given = scrub(id).slice(0, 40);
  if (row === undefined)
    throw new PolybError('not_found', `No row of the journal has the id, key or trace ${given}; polyb runs ls lists the newest.`);
  if (other !== undefined)
    throw new PolybError('invalid_argument', `The ids of several rows begin with ${given}; give more characters.`, {
      reason: 'ambiguous',
    });
  return row;
}
