/** Decisions of a person about rows that failed or are under way: cancel, retry, drop. */
import { readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { bodyFrom } from '../../kernel/method.ts';
import { here, idOf, type Row, wholeId, whyOf, withJournal } from './ask.ts';

async function told(invocation: Invocation, row: Row, did: string): Promise<number> {
  await invocation.out.result(row, { text: () => `${row.id}  ${row.state}` });
  invocation.out.note(`${did} ${row.id}; its state is now ${row.state}`, 'ok');
  return 0;
}

export async function cancelRun(invocation: Invocation): Promise<number> {
  const id = idOf(invocation);
  const row = await withJournal(
    invocation,
    async (ask) => await ask<Row>('cancel', { id: await wholeId(ask, id), ...whyOf(invocation), ...here() }),
  );
  return await told(invocation, row, 'cancelled');
}

export async function retryRun(invocation: Invocation): Promise<number> {
  const { args, flags } = invocation;
  const id = idOf(invocation);
  const params = args.slice(1);
  const from = flags.text('from');
  const body = await bodyFrom(flags.text('data'), id);
  const row = await withJournal(invocation, async (ask) => {
    const seen = await ask<Row>('get', { id, ...((params.length > 0 || body !== undefined) && { reveal: true }) });
    const edited = params.length === 0 && body === undefined ? undefined : await editedInput(seen, from, body, params);
    return await ask<Row>('retry', {
      id: seen.id,
      ...(from !== undefined && { from }),
      ...(edited !== undefined && { input: edited }),
      ...whyOf(invocation),
      ...here(),
    });
  });
  return await told(invocation, row, 'retried');
}

/** What was tried before with the given fields changed: the step's input when one is named, else the run's. */
async function editedInput(seen: Row, from: string | undefined, body: unknown, params: readonly string[]): Promise<unknown> {
  const step = from === undefined ? undefined : seen.steps.findLast((one) => one.step === from);
  if (from !== undefined && step === undefined) {
    throw wrongUsage(`this run has no step ${from}`, {
      subject: seen.id,
      close: seen.steps.map((one) => one.step).filter((name) => name !== null),
    });
  }
  const method = step?.method ?? seen.method;
  const { coerce } = await import('../../../../contracts/kit/coerce.ts');
  const schema = (await readCatalogue()).entries[method]?.input ?? {};
  return coerce(schema, params, { body: body ?? step?.input ?? seen.input });
}

export async function drop(invocation: Invocation): Promise<number> {
  const { args, path, out } = invocation;
  idOf(invocation);
  const rows = await withJournal(invocation, async (ask) => {
    const dropped: Row[] = [];
    for (const id of args) dropped.push(await ask<Row>('drop', { id: await wholeId(ask, id), ...whyOf(invocation), ...here() }));
    return dropped;
  });
  await out.result(rows, { text: () => rows.map(({ id, state }) => `${id}  ${state}`).join('\n') });
  out.note(`${path}: ${rows.length} cancelled`, 'ok');
  return 0;
}
