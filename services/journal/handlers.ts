/** The journal as a service: masked rows for people, and their decisions. */
import type { AdminRow } from '../../adapters/store/journal-admin.ts';
import { hashOf } from '../../bus/durable/identity.ts';
import type { HandlersOf } from '../../bus/service.ts';
import { effectOf, type journal } from '../../contracts/journal.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { runsTotal } from '../../contracts/metrics.ts';
import { approveRow, countDecision } from './approve-row.ts';
import { auditActionOf, changeRow, type JournalParts } from './change-row.ts';
import { confirmRow } from './confirm-row.ts';
import { countRows } from './count-rows.ts';
import { editedInput } from './edited-input.ts';
import { findRow } from './find-row.ts';
import { listRows } from './list-rows.ts';
import { parsePublished } from './published-schema.ts';
import { replayHandlers } from './replay.ts';
import { retryRow } from './retry-row.ts';
import { showRow } from './shown-row.ts';
import { managerOf } from './viewer.ts';
import { watchRow } from './watch-row.ts';

export function journalHandlers(parts: JournalParts): HandlersOf<typeof journal> {
  const { desk, metrics, now } = parts;
  const paused = async () => ({ paused: (await desk.pauses()).map(({ method }) => method) });
  return {
    list: listRows(parts),
    get: async ({ id, reveal, ...by }, context) => {
      const manager = managerOf(by.viewer);
      const row = await findRow(desk, id, manager);
      if (!reveal) return showRow(desk, row, now());
      await desk.note(row.id, auditActionOf(context, 'revealed', by));
      return showRow(desk, await findRow(desk, row.id, manager), now(), true);
    },
    summary: countRows(parts),
    watch: watchRow(parts),
    hold: ({ id, forMs, ...by }, context) => {
      const action = auditActionOf(context, 'held', by);
      return changeRow(parts, { id, expected: 'proposed', ...action, change: (row) => desk.hold(row.id, forMs, action) });
    },
    release: ({ id, ...by }, context) => {
      const action = auditActionOf(context, 'released', by);
      return changeRow(parts, { id, expected: 'proposed', ...action, change: (row) => desk.release(row.id, action) });
    },
    approve: approveRow(parts),
    reject: async ({ id, ...by }, context) => {
      const action = auditActionOf(context, 'rejected', by);
      const row = await changeRow(parts, { id, expected: 'proposed', ...action, change: ({ id: of }) => desk.reject(of, action) });
      return countDecision(parts, 'rejected', row);
    },
    confirm: confirmRow(parts),
    recall: ({ id, ...by }, context) => {
      const action = auditActionOf(context, 'recalled', by);
      const expected = 'approved and not yet begun';
      return changeRow(parts, { id, expected, manager: action.manager, change: (row) => desk.recall(row.id, action) });
    },
    edit: ({ id, hash, input, ...by }, context) => {
      const action = auditActionOf(context, 'edited', by);
      const change = async (row: AdminRow): Promise<boolean> => {
        const [schemas] = await desk.schemas([row.method]);
        const { editable = [] } = (schemas?.input ?? {}) as { readonly editable?: readonly string[] };
        const edited = await parsePublished(desk, row.method, 'input', editedInput(row, editable, input));
        return desk.edit(row.id, hash, edited, hashOf({ unhashed: [] }, edited), action);
      };
      return changeRow(parts, { id, expected: 'proposed', change, hash, ...action });
    },
    retry: retryRow(parts),
    cancel: async ({ id, ...by }, context) => {
      const row = await changeRow(parts, {
        id,
        expected: 'not begun, a run, or a function that lost its holder',
        change: ({ id: of }) => desk.cancel(of, auditActionOf(context, 'cancelled', by)),
      });
      if (row.mode === 'run') metrics.count(runsTotal, { pipeline: row.method, outcome: 'cancelled' });
      return row;
    },
    resolve: async ({ id, answer, output, attempts, ...by }, context) => {
      let freed = 0;
      const action = auditActionOf(context, `resolved: ${answer}`, by);
      const change = async (row: AdminRow): Promise<boolean> => {
        freed = row.behind;
        const result = answer === 'happened' ? await parsePublished(desk, row.method, 'output', output ?? {}) : undefined;
        return desk.resolve(row.id, answer, result, action, attempts ?? null);
      };
      const expected = `in review or unknown${attempts === undefined ? '' : ` after attempt ${attempts}`}`;
      return { ...(await changeRow(parts, { id, expected, change, manager: action.manager })), effect: effectOf[answer], freed };
    },
    drop: ({ id, ...by }, context) =>
      changeRow(parts, { id, expected: 'a dead letter', change: (row) => desk.drop(row.id, auditActionOf(context, 'dropped', by)) }),
    ...replayHandlers(parts),
    claim: async ({ ref }) => ({ won: await desk.claim(ref) }),
    pause: async ({ method, ...by }, context) => {
      await desk.pause(method, auditActionOf(context, 'paused', by));
      return paused();
    },
    resume: async ({ method }) => {
      await desk.resume(method);
      return paused();
    },
    list_pauses: async () => ({
      pauses: (await desk.pauses()).map((pause) => ({ ...pause, since: pause.since.toISOString() })),
    }),
    list_loops: async () => ({
      loops: (await desk.loops()).map((loop) => ({
        service: loop.service,
        name: loop.name,
        schedule: loop.schedule,
        lastRunAt: loop.last_run_at?.toISOString() ?? null,
        lastError: loop.last_error,
        nextRunAt: loop.next_run_at?.toISOString() ?? null,
        heldBy: loop.held_by,
      })),
    }),
    run_loop: async ({ service, name }) => {
      if (await desk.requestLoop(service, name)) return { requested: true };
      throw new PolybError('not_found', `There is no loop ${name} in ${service}; polyb loops ls lists them.`);
    },
  };
}
