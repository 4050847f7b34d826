/** `polyb dlq replay`: dead letters, tried again under their own keys. */
import { exitOf, toPolybError, toProblem } from '../../../../contracts/kit/errors.ts';
import { readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { confirm } from '../../kernel/confirm.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { pace } from '../../kernel/pace.ts';
import { rateOf } from '../../kernel/rate.ts';
import { here, type Page, type Row, type RowHead, whyOf, withJournal } from './ask.ts';
import { filters } from './rows.ts';

export async function replay(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, path } = invocation;
  if (args.length === 0 && !flags.on('all'))
    throw wrongUsage('expected ids, or --all with filters', { subject: path, next: ['polyb dlq ls', 'polyb dlq replay --help'] });
  return await withJournal(invocation, async (ask) => {
    const rows: RowHead[] = [];
    if (flags.on('all')) rows.push(...(await ask<Page>('list', { view: 'dead_letters', limit: 200, ...filters(invocation) })).items);
    else for (const id of args) rows.push(await ask<Row>('get', { id }));
    const { entries } = await readCatalogue();
    const reaching = rows.filter(({ method }) => entries[method]?.reaches === 'customer');
    if (flags.on('dry-run')) {
      await out.result(rows.map(({ id, method, reason }) => ({ id, method, reason })));
      out.note(`${rows.length} would be retried, ${reaching.length} of them can reach a customer; work that is done is not repeated`);
      return 0;
    }
    if (reaching.length > 0) await confirm(`${reaching.length} of ${rows.length} can reach a customer`, { out, signal, subject: path });
    const outcomes: { id: string; ok: boolean; state?: string; exit?: number; problem?: unknown }[] = [];
    await pace(rows, { concurrency: 1, perSecond: rateOf(flags.text('rate')) ?? 5, signal }, async ({ id }) => {
      try {
        const { state } = await ask<Row>('retry', { id, ...whyOf(invocation), ...here() });
        outcomes.push({ id, ok: true, state });
      } catch (thrown) {
        const error = toPolybError(thrown);
        outcomes.push({ id, ok: false, exit: exitOf(error), problem: toProblem(error) });
      }
    });
    const failed = outcomes.filter(({ ok }) => !ok).length + rows.length - outcomes.length;
    await out.result(outcomes, {
      table: () => ({ columns: ['ID', 'OK', 'STATE'], rows: outcomes.map(({ id, ok, state = '' }) => [id, ok ? 'yes' : 'no', state]) }),
    });
    out.note(`${rows.length - failed} retried, ${failed} not`, failed === 0 ? 'ok' : 'bad');
    return failed === 0 ? 0 : 10;
  });
}
