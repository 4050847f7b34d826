import { setTimeout as delay } from 'node:timers/promises';
import type { StreamHandler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import { Settled } from '../../contracts/kit/define.ts';
import type { JournalParts } from './change-row.ts';
import { findRow } from './find-row.ts';
import { showRow } from './shown-row.ts';
import { managerOf } from './viewer.ts';

const ended: ReadonlySet<string> = new Set(Settled.options);
/** Polling interval of a watched row. */
const watchMs = 250;

export function watchRow({ desk, now }: JournalParts): StreamHandler<typeof journal.watch> {
  return async function* ({ id, viewer }, _up, { signal }) {
    let last = '';
    for (;;) {
      const row = await showRow(desk, await findRow(desk, id, managerOf(viewer)), now());
      const seen = JSON.stringify([row.state, row.updatedAt, row.steps.map((step) => [step.id, step.state])]);
      if (seen !== last) yield row;
      last = seen;
      if (ended.has(row.state)) return;
      await delay(watchMs, undefined, { signal }).catch(() => {}); // the end of the stream is no failure
      if (signal.aborted) return;
    }
  };
}
