import type { AdminRow } from '../../adapters/store/journal-admin.ts';
import type { Handler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { JournalParts } from './change-row.ts';
import { headOf, type ListItem, maskedSide, schemasOf } from './shown-row.ts';
import { managerOf } from './viewer.ts';

export function listRows({ desk, now }: JournalParts): Handler<typeof journal.list> {
  return async ({ cursor, show, viewer, ...filter }) => {
    const before = cursor === undefined ? undefined : placeOf(cursor);
    const rows = await desk.list({ ...filter, before, limit: filter.limit + 1, manager: managerOf(viewer) });
    const page = rows.slice(0, filter.limit);
    const schemas = show === 'heads' ? null : await schemasOf(desk, page);
    const listed = (row: AdminRow): ListItem => {
      if (schemas === null) return headOf(row, now());
      // An operator asks for one row at a time, which is audited.
      const mayReveal = show === 'revealed' && viewer?.role !== 'operator';
      const isOpen = mayReveal && (row.state === 'proposed' || (row.state === 'review' && row.approval !== 'none'));
      return { ...headOf(row, now()), hash: row.hash, input: isOpen ? row.input : maskedSide(schemas, row, 'input') };
    };
    return {
      items: page.map(listed),
      nextCursor: rows.length > filter.limit ? Buffer.from(page.at(-1)?.place ?? '').toString('base64url') : null,
    };
  };
}

function placeOf(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{1,18}\.\d{1,18}$/.test(place)) throw new PolybError('invalid_argument', 'Bad cursor; start without one.');
  return place;
}
