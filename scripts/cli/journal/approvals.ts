/** `polyb approvals`: what waits for a yes, decided one by one by whoever sits here. */
import { userInfo } from 'node:os';
import { createInterface, type Interface } from 'node:readline/promises';
import { isPolybError } from '../../../contracts/errors.ts';
import { readCatalogue } from '../catalogue.ts';
import type { Invocation } from '../command.ts';
import { confirm } from '../confirm.ts';
import { repeatUntilStopped } from '../discover.ts';
import { wrongUsage } from '../failure.ts';
import { bodyFrom } from '../method.ts';
import type { Output } from '../output.ts';
import { visible } from '../text.ts';
import { idOf, type Page, type Row, wholeId, whyOf, withJournal } from './ask.ts';
import { filters } from './rows.ts';

type Ask = <R>(name: string, input: object) => Promise<R>;
type Draft = Page['items'][number] & { readonly hash: string; readonly input: unknown };

/** Kept in the audit beside the operator's role; two people at two desks are two. */
const here = () => ({ onBehalfOf: userInfo().username });

async function told({ out }: Invocation, row: Row, did: string): Promise<number> {
  await out.result(row, { text: () => `${row.id}  ${row.state}` });
  const isFirst = row.state === 'proposed' && row.approvedBy.length > 0;
  out.note(`${did} ${row.id}; ${isFirst ? 'it waits for another person' : `it is ${row.state} now`}`, 'ok');
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
      await confirm(`${seen.method} goes out to a customer`, { out, signal, subject: seen.id });
    }
    return await ask<Row>('approve', { id: seen.id, hash, ...whyOf(invocation), ...here() });
  });
  return await told(invocation, row, 'approved');
}

export async function reject(invocation: Invocation): Promise<number> {
  const id = idOf(invocation);
  const why = invocation.flags.text('why');
  if (why === undefined)
    throw wrongUsage('expected --why: the reason is kept', {
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
    throw wrongUsage('expected what to change', { subject: invocation.path, next: [`polyb approvals edit ${id} text='…'`] });
  const row = await withJournal(invocation, async (ask) => {
    const seen = await ask<Row>('get', { id, reveal: true });
    const { coerce } = await import('../../../contracts/coerce.ts');
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

/** Each draft once, as it comes; on a terminal with a question, and held while it is asked. */
export async function watch(invocation: Invocation): Promise<number> {
  const { out, signal } = invocation;
  const seen = new Set<string>();
  const desk = out.canAsk ? createInterface({ input: process.stdin, output: process.stderr }) : null;
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const look = async (ask: Ask): Promise<void> => {
    const { items } = await ask<{ items: readonly Draft[] }>('list', {
      limit: 200,
      ...filters(invocation),
      view: 'approvals',
      show: 'revealed',
    });
    for (const draft of items.toReversed()) {
      const wording = `${draft.id} ${draft.hash}`;
      if (seen.has(wording) || stop.aborted) continue;
      seen.add(wording);
      await out.item(draft, () => drawDraft(draft, out));
      if (desk !== null && (await decide(ask, draft, desk, invocation, stop)) === 'quit') over.abort();
    }
  };
  out.note(desk === null ? 'drafts as they come, until Ctrl-C' : 'drafts as they come, to be decided; Ctrl-C or q ends');
  try {
    await withJournal(invocation, (ask) => repeatUntilStopped(stop, () => look(ask)), { lasting: true });
  } finally {
    desk?.close();
  }
  return 0;
}

export function drawDraft(
  { id, method, input, createdAt }: Pick<Draft, 'id' | 'method' | 'input' | 'createdAt'>,
  out: Pick<Output, 'paint' | 'time'>,
): string {
  const { text, channel, chatId } = input as { readonly text?: unknown; readonly channel?: unknown; readonly chatId?: unknown };
  const isMessage = typeof text === 'string' && typeof chatId === 'string';
  const said = isMessage ? `${channel} ${chatId}\n«${text}»` : JSON.stringify(input);
  return `${out.paint('bold', id)}  ${method}  ${out.time(createdAt)}\n  ${visible(said).replaceAll('\n', '\n  ')}`;
}

async function decide(ask: Ask, { id, hash }: Draft, desk: Interface, { out }: Invocation, signal: AbortSignal): Promise<'quit' | 'next'> {
  try {
    await ask('hold', { id, ...here() });
    const answer = (await desk.question('  [a] send  [r] reject  [s] skip  [q] quit > ', { signal })).trim().toLowerCase();
    if (answer === 'a') {
      const row = await ask<Row>('approve', { id, hash, ...here() });
      out.note(
        row.state === 'proposed' ? 'approved; it waits for another person' : `approved; take it back: polyb approvals recall ${id}`,
        'ok',
      );
    } else if (answer === 'r') {
      const why = (await desk.question('  why? > ', { signal })).trim() || 'not wanted';
      await ask('reject', { id, why: why.slice(0, 200), ...here() });
      out.note('rejected', 'ok');
    } else {
      await ask('release', { id, ...here() });
      if (answer === 'q') return 'quit';
      out.note(`left as it is; to change it: polyb approvals edit ${id} text='…'`);
    }
  } catch (error) {
    if (signal.aborted) return 'quit';
    if (!isPolybError(error) || (error.code !== 'conflict' && error.code !== 'failed_precondition')) throw error;
    out.note(error.message, 'warn'); // somebody else was first, the customer wrote, or the draft was edited, which is shown next
  }
  return 'next';
}
