/** `polyb approvals watch`: drafts as they come; on a terminal each with a question, and held while it is asked. */
import { createInterface } from 'node:readline/promises';
import { isPolybError } from '../../../../contracts/kit/errors.ts';
import type { Invocation } from '../../kernel/command.ts';
import { repeatUntilStopped } from '../../kernel/discover.ts';
import type { Output } from '../../kernel/output.ts';
import { visible } from '../../kernel/text.ts';
import { type Ask, here, type Page, type Row, withJournal } from './ask.ts';
import { filters } from './rows.ts';

type Draft = Page['items'][number] & { readonly hash: string; readonly input: unknown };
interface Desk {
  readonly ask: Ask;
  /** What is listed. */
  readonly wanted: object;
  readonly out: Pick<Output, 'item' | 'note' | 'paint' | 'time'>;
  /** Null where nobody can be asked. */
  readonly question: ((text: string) => Promise<string>) | null;
  readonly signal: AbortSignal;
}

export async function watch(invocation: Invocation): Promise<number> {
  const { out, signal } = invocation;
  const lines = out.canAsk ? createInterface({ input: process.stdin, output: process.stderr }) : null;
  const question = lines && ((text: string) => lines.question(text, { signal }));
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  out.note(lines === null ? 'showing new drafts until Ctrl-C' : 'showing new drafts for a decision; Ctrl-C or q ends');
  try {
    await withJournal(
      invocation,
      (ask) => {
        const look = desk({ ask, wanted: filters(invocation), out, question, signal });
        return repeatUntilStopped(stop, async () => {
          if ((await look()) === 'quit') over.abort();
        });
      },
      { lasting: true },
    );
  } finally {
    lines?.close();
  }
  return 0;
}

/** A look at what waits: each wording of a draft is shown and asked about once. */
export function desk({ ask, wanted, out, question, signal }: Desk): () => Promise<'quit' | 'next'> {
  const seen = new Set<string>();
  return async () => {
    const { items } = await ask<{ items: readonly Draft[] }>('list', { limit: 200, ...wanted, view: 'approvals', show: 'revealed' });
    for (const draft of items.toReversed()) {
      const wording = `${draft.id} ${draft.hash}`;
      if (seen.has(wording)) continue;
      if (signal.aborted) return 'quit';
      seen.add(wording);
      await out.item(draft, () => drawDraft(draft, out));
      if (question !== null && (await decide(draft, question)) === 'quit') return 'quit';
    }
    return 'next';
  };

  async function decide({ id, hash }: Draft, question: NonNullable<Desk['question']>): Promise<'quit' | 'next'> {
    try {
      await ask('hold', { id, ...here() });
      const answer = (await question('  [a] send  [r] reject  [s] skip  [q] quit > ')).trim().toLowerCase();
      if (answer === 'a') {
        const row = await ask<Row>('approve', { id, hash, ...here() });
        out.note(
          row.state === 'proposed'
            ? 'approved; a second person must approve it'
            : `approved; to withdraw the approval: polyb approvals recall ${id}`,
          'ok',
        );
      } else if (answer === 'r') {
        const why = (await question('  why? > ')).trim() || 'not wanted';
        await ask('reject', { id, why: why.slice(0, 200), ...here() });
        out.note('rejected', 'ok');
      } else {
        await ask('release', { id, ...here() });
        if (answer === 'q') return 'quit';
        out.note(`left unchanged; to edit it: polyb approvals edit ${id} text='…'`);
      }
    } catch (error) {
      if (signal.aborted) return 'quit';
      if (!isPolybError(error) || (error.code !== 'conflict' && error.code !== 'failed_precondition')) throw error;
      out.note(error.message, 'warn'); // somebody else was first, the customer wrote, or the draft was edited, which is shown next
    }
    return 'next';
  }
}

export function drawDraft(
  { id, method, input, createdAt }: Pick<Draft, 'id' | 'method' | 'input' | 'createdAt'>,
  out: Pick<Output, 'paint' | 'time'>,
): string {
  const { text, channel, chatId, customer } = input as Readonly<Record<'text' | 'channel' | 'chatId' | 'customer', unknown>>;
  const { name, said: last } = (customer ?? {}) as { readonly name?: string | null; readonly said?: string | null };
  const isMessage = typeof text === 'string' && typeof chatId === 'string';
  const before = last ? `last message of the customer: «${last}»\n` : '';
  const said = isMessage ? `${name ? `${name}, ` : ''}${channel} ${chatId}\n${before}«${text}»` : JSON.stringify(input);
  return `${out.paint('bold', id)}  ${method}  ${out.time(createdAt)}\n  ${visible(said).replaceAll('\n', '\n  ')}`;
}
