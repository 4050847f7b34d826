/** `polyb reviews show` and `resolve`: what only a person can tell. */

import { readCatalogue } from '../../kernel/catalogue.ts';
import type { Invocation } from '../../kernel/command.ts';
import { confirm } from '../../kernel/confirm.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { bodyFrom } from '../../kernel/method.ts';
import type { Output } from '../../kernel/output.ts';
import { idOf, type Row, whyOf, withJournal } from './ask.ts';
import { drawRow } from './rows.ts';

const answers = ['happened', 'try_again', 'give_up'] as const;
type Answer = (typeof answers)[number];

export async function showReview(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const row = await withJournal(invocation, (ask) =>
    ask<Row>('get', { id: idOf(invocation), ...(flags.on('reveal') && { reveal: true }) }),
  );
  const reaches = (await readCatalogue()).entries[row.method]?.reaches === 'customer';
  const choices = consequences(row, reaches);
  await out.result(
    { ...row, answers: choices },
    { text: () => [drawRow(row, out), known(row, out), ...choiceLines(row, choices, out)].join('\n\n') },
  );
  return 0;
}

/** The last attempt's evidence: what went out, what came back, and what the provider says of our reference. */
function known(row: Row, { paint }: Pick<Output, 'paint'>): string {
  const evidence = row.log.flatMap(({ at, by, evidence: seen }) => (seen === null ? [] : [`  ${at}  ${by}  ${JSON.stringify(seen)}`]));
  const view = {
    review: 'The provider cannot be asked: only it, or the customer, knows.',
    look_up: 'The provider was asked by our reference and could not tell.',
    claim: 'The provider claims a reference before it acts; this one is undecided.',
    function: 'The handler stopped in the middle.',
  } as const;
  return [
    paint('bold', 'WHAT IS KNOWN'),
    `  ${row.onUnknown === null ? 'Its outcome could not be found out.' : view[row.onUnknown]}`,
    ...(evidence.length === 0 ? ['  No evidence was kept of an attempt.'] : evidence),
  ].join('\n');
}

export function consequences(row: Pick<Row, 'runId' | 'method'>, reaches: boolean): Readonly<Record<Answer, string>> {
  const after = row.runId === null ? '' : ' The run goes on.';
  return {
    happened: `It counts as done, and --data becomes its output; nothing is sent.${after}`,
    try_again: `It is attempted once more${reaches ? ': if it did happen, the customer is reached a SECOND time' : ', which does it twice if it did happen'}.`,
    give_up: `It ends as failed; nothing is sent.${row.runId === null ? '' : ' The run fails at this step.'}`,
  };
}

function choiceLines({ id }: Row, choices: Readonly<Record<Answer, string>>, { paint }: Pick<Output, 'paint'>): readonly string[] {
  return [
    [
      paint('bold', 'ANSWERS'),
      ...answers.map(
        (answer) => `  polyb reviews resolve ${id} ${answer}${answer === 'happened' ? " -d '{…}'" : ''}\n      ${choices[answer]}`,
      ),
    ].join('\n'),
  ];
}

export async function resolveReview(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, path } = invocation;
  const id = idOf(invocation);
  const answer = answers.find((one) => one === args[1]);
  if (answer === undefined)
    throw wrongUsage(`expected ${answers.join(', ')}${args[1] === undefined ? '' : `; got "${args[1]}"`}`, {
      subject: path,
      next: [`polyb reviews show ${id}`],
    });
  const output = await bodyFrom(flags.text('data'), id);
  const row = await withJournal(invocation, async (ask) => {
    const seen = await ask<Row>('get', { id });
    const reaches = (await readCatalogue()).entries[seen.method]?.reaches === 'customer';
    if (answer === 'try_again' && reaches)
      await confirm(`If it did happen, ${seen.method} reaches the customer a second time`, { out, signal, subject: seen.id });
    return await ask<Row & { readonly freed: number }>('resolve', {
      id: seen.id,
      attempts: seen.attempts,
      answer,
      ...(output !== undefined && { output }),
      ...whyOf(invocation),
    });
  });
  await out.result(row, { text: () => `${row.id}  ${row.state}` });
  const freed = row.freed === 0 ? '' : `; ${row.freed} that waited behind it go on`;
  out.note(`resolved ${row.id} as ${answer}; it is ${row.state} now${freed}`, 'ok');
  return 0;
}
