/** `polyb approvals`: what waits for a yes, decided by whoever sits here. */
import { readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { confirm } from '../../kernel/confirm.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { bodyFrom } from '../../kernel/method.ts';
import { visible } from '../../kernel/text.ts';
import { here, idOf, type Row, wholeId, whyOf, withJournal } from './ask.ts';

async function told({ out }: Invocation, row: Row, did: string): Promise<number> {
  await out.result(row, { text: () => `${row.id}  ${row.state}` });
  const isFirst = row.state === 'proposed' && row.approvedBy.length > 0;
  out.note(`${did} ${row.id}; ${isFirst ? 'a second person must approve it' : `its state is now ${row.state}`}`, 'ok');
  return 0;
}

export async function approve(invocation: Invocation): Promise<number> {
  const { flags, out, signal } = invocation;
  const id = idOf(invocation);
  const row = await withJournal(invocation, async (ask) => {
    const seen = await ask<Row>('get', { id, ...(out.canAsk && { reveal: true }) });
    const hash = flags.text('hash') ?? seen.hash;
    const reaches = (await readCatalogue()).entries[seen.method]?.reaches;
    if (reaches === 'customer' && out.canAsk) {
      out.note(`  ${visible(JSON.stringify(seen.input))}`);
      await confirm(`${seen.method} reaches a customer`, { out, signal, subject: seen.id });
    }
    return await ask<Row>('approve', { id: seen.id, hash, ...whyOf(invocation), ...here() });
  });
  return await told(invocation, row, 'approved');
}

export async function reject(invocation: Invocation): Promise<number> {
  const id = idOf(invocation);
  const why = invocation.flags.text('why');
  if (why === undefined)
    throw wrongUsage('expected --why: the audit records the reason', {
      subject: invocation.path,
      next: [`polyb approvals reject ${id} --why 'wrong tone'`],
    });
  const row = await withJournal(invocation, async (ask) => await ask<Row>('reject', { id: await wholeId(ask, id), why, ...here() }));
  return await told(invocation, row, 'rejected');
}

export async function edit(invocation: Invocation): Promise<number> {
  const { args, flags } = invocation;
  const id = idOf(invocation);
  const params = args.slice(1);
  const body = await bodyFrom(flags.text('data'), id);
  if (params.length === 0 && body === undefined)
    throw wrongUsage('expected the fields to change', { subject: invocation.path, next: [`polyb approvals edit ${id} text='…'`] });
  const row = await withJournal(invocation, async (ask) => {
    const seen = await ask<Row>('get', { id, reveal: true });
    const { coerce } = await import('../../../../contracts/kit/coerce.ts');
    const schema = (await readCatalogue()).entries[seen.method]?.input ?? {};
    const input = coerce(schema, params, { body: body ?? seen.input });
    return await ask<Row>('edit', { id: seen.id, hash: seen.hash, input, ...here() });
  });
  return await told(invocation, row, 'edited');
}

export async function recall(invocation: Invocation): Promise<number> {
  const id = idOf(invocation);
  const row = await withJournal(invocation, async (ask) =>
    ask<Row>('recall', { id: await wholeId(ask, id), ...whyOf(invocation), ...here() }),
  );
  return await told(invocation, row, 'recalled');
}
