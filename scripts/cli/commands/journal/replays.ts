/** Dead letters by groups, and replays of a group, which the journal makes by itself. */
import { readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { confirm } from '../../kernel/confirm.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import type { Output } from '../../kernel/output.ts';
import { rateOf } from '../../kernel/rate.ts';
import { here, whyOf, withJournal } from './ask.ts';

interface Group {
  readonly method: string;
  readonly reason: string;
  readonly count: number;
  readonly isMore: boolean;
  readonly oldestAt: string;
  readonly newestAt: string;
  readonly exampleId: string;
}
interface Replay {
  readonly replayId: string;
  readonly method: string;
  readonly reason: string;
  readonly perSecond: number;
  readonly state: string;
  readonly retried: number;
  readonly skipped: number;
  readonly who: string;
  readonly createdAt: string;
}

export async function listGroups(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { groups } = await withJournal(invocation, (ask) => ask<{ groups: readonly Group[] }>('list_dead_letter_groups', {}));
  await out.result(groups, {
    table: () => ({
      columns: ['ROWS', 'METHOD', 'REASON', 'OLDEST', 'NEWEST', 'EXAMPLE'],
      rows: groups.map((one) => [
        `${one.count}${one.isMore ? '+' : ''}`,
        one.method,
        one.reason,
        out.time(one.oldestAt),
        out.time(one.newestAt),
        one.exampleId,
      ]),
      right: ['ROWS'],
    }),
  });
  return 0;
}

export async function replayGroup(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, path } = invocation;
  const [method, reason] = args;
  if (method === undefined || reason === undefined)
    throw wrongUsage('expected a method and a reason', { subject: path, next: ['polyb dlq groups'] });
  const [perSecond, most] = [rateOf(flags.text('rate')), flags.whole('limit')];
  const { entries } = await readCatalogue();
  if (entries[method]?.reaches === 'customer') await confirm(`${method} can reach customers`, { out, signal, subject: path });
  const replay = await withJournal(invocation, (ask) =>
    ask<Replay>('replay', { method, reason, ...(perSecond && { perSecond }), ...(most && { most }), ...whyOf(invocation), ...here() }),
  );
  await out.result(replay, { text: () => replay.replayId });
  out.note(`the journal retries them, ${replay.perSecond} a second; polyb dlq replays`, 'ok');
  return 0;
}

export async function listReplays(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const replayId = flags.text('cancel');
  const replays = await withJournal(invocation, async (ask) =>
    replayId === undefined
      ? (await ask<{ replays: readonly Replay[] }>('list_replays', {})).replays
      : [await ask<Replay>('cancel_replay', { replayId, ...here() })],
  );
  await out.result(replays, { table: () => tableOf(replays, out) });
  return 0;
}
function tableOf(replays: readonly Replay[], out: Pick<Output, 'time'>) {
  return {
    columns: ['ID', 'STARTED', 'BY', 'METHOD', 'REASON', 'STATE', 'RETRIED', 'SKIPPED'],
    rows: replays.map((one) => [
      one.replayId,
      out.time(one.createdAt),
      one.who,
      one.method,
      one.reason,
      one.state,
      String(one.retried),
      String(one.skipped),
    ]),
    right: ['RETRIED', 'SKIPPED'],
  };
}
