/** `polyb runs watch`: a row, again whenever it changes, to its end. */
import { PolybError } from '../../../../contracts/kit/errors.ts';
import type { Invocation } from '../../kernel/command.ts';
import type { Connected } from '../../kernel/connect.ts';
import { advise } from '../../kernel/failure.ts';
import { openEntry } from '../../kernel/stream.ts';
import { idOf, journalEntry, type Row, wholeId, withJournal } from './ask.ts';
import { drawRow } from './rows.ts';

export async function watchRun(invocation: Invocation): Promise<number> {
  const id = idOf(invocation);
  return await withJournal(invocation, async (ask, connected) => await follow(invocation, connected, await wholeId(ask, id)), {
    lasting: true,
  });
}

const ends: readonly string[] = ['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'];

/** Ends with 0 when the row is done, 8 when time runs out while it waits, 1 when it ended otherwise. */
export async function follow({ flags, out, signal }: Invocation, { bus }: Connected, id: string): Promise<number> {
  const limitMs = flags.ms('timeout');
  const timeUp = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
  const stop = timeUp === undefined ? signal : AbortSignal.any([signal, timeUp]);
  let last: Row | undefined;
  try {
    for await (const row of openEntry<Row>(bus, await journalEntry('watch'), { id }, { signal: stop })) {
      last = row;
      if (out.isTty && out.format === 'pretty') out.redraw(drawRow(row, out));
      else if (out.format !== 'json' && out.format !== 'yaml') await out.item(row, () => lineOf(row));
      if (ends.includes(row.state)) break;
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  if (last !== undefined && (out.format === 'json' || out.format === 'yaml')) await out.result(last);
  if (signal.aborted) {
    out.note(`the run continues: polyb runs watch ${id}`);
    return 130;
  }
  if (last === undefined || !ends.includes(last.state)) {
    const error = new PolybError('deadline_exceeded', `is still ${last?.state ?? 'unknown'}`, { reason: 'pending', data: { rowId: id } });
    throw advise(error, {
      subject: id,
      next: [`polyb runs watch ${id}`, ...(last?.state === 'review' ? [`polyb reviews show ${id}`] : [])],
    });
  }
  return last.state === 'done' ? 0 : 1;
}

function lineOf(row: Row): string {
  const steps = row.steps.map(({ step, state }) => `${step ?? '?'} ${state}`).join(', ');
  return `${row.updatedAt}  ${row.state}${row.reason === null ? '' : ` (${row.reason})`}${steps === '' ? '' : `  ${steps}`}`;
}
