import type { Handler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { mostCounted } from '../../contracts/kit/row-state.ts';
import type { JournalParts } from './change-row.ts';
import { managerOf } from './viewer.ts';

type Summary = OutputOf<typeof journal.summary>;
const counted = ['runs', 'stuck', 'approvals', 'reviews', 'dead_letters'] as const;

export function countRows({ desk }: Pick<JournalParts, 'desk'>): Handler<typeof journal.summary> {
  return async ({ view: of, viewer }) => {
    const manager = managerOf(viewer);
    const views: Summary['views'] = [];
    const all: Summary['groups'] = [];
    for (const view of of === undefined ? counted : [of]) {
      const found = await desk.summary({ view, manager });
      const groups = found.map(({ state, method, reason, rows, oldest_at: oldestAt }) => ({
        view,
        state: state as Summary['groups'][number]['state'],
        method,
        reason,
        ...countOf(rows),
        oldestAt: oldestAt.toISOString(),
      }));
      all.push(...groups);
      const oldestAt = groups.map((group) => group.oldestAt).sort()[0] ?? null;
      views.push({ view, ...countOf(found.reduce((sum, { rows }) => sum + rows, 0)), oldestAt });
    }
    return { views, groups: all.slice(0, 2000) };
  };
}

export function countOf(rows: number): { readonly count: number; readonly isMore: boolean } {
  return { count: Math.min(rows, mostCounted), isMore: rows > mostCounted };
}
