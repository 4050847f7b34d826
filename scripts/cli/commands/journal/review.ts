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
    review: 'The provider has no look-up: ask it, or the customer, whether the effect happened.',
    look_up: 'The look-up at the provider, by the reference of the attempt, gave no answer.',
    claim: 'The provider claims a reference before it acts; whether it claimed this one is unknown.',
    function: 'The handler stopped before it finished.',
  } as const;
  return [
    paint('bold', 'WHAT IS KNOWN'),
    `  ${row.onUnknown === null ? 'Its outcome could not be determined.' : view[row.onUnknown]}`,
    ...(evidence.length === 0 ? ['  No attempt left evidence.'] : evidence),
  ].join('\n');
}

export function consequences(row: Pick<Row, 'runId' | 'method'>, reaches: boolean): Readonly<Record<Answer, string>> {
  const after = row.runId === null ? '' : ' The run continues.';
  return {
    happened: `The row is done, and --data becomes its output; nothing is sent.${after}`,
    try_again: `It is attempted again. If the first attempt took effect, ${reaches ? 'the customer is reached TWICE' : 'the effect happens twice'}.`,
    give_up: `The row is cancelled; nothing is sent.${row.runId === null ? '' : ' The run fails at this step.'}`,
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
      await confirm(`If the first attempt took effect, ${seen.method} reaches the customer twice`, { out, signal, subject: seen.id });
    return await ask<Row & { readonly freed: number }>('resolve', {
      id: seen.id,
      attempts: seen.attempts,
      answer,
      ...(output !== undefined && { output }),
      ...whyOf(invocation),
    });
  });
  await out.result(row, { text: () => `${row.id}  ${row.state}` });
  const freed = row.freed === 0 ? '' : `; ${row.freed} rows that waited for it continue`;
  out.note(`resolved ${row.id} as ${answer}; its state is now ${row.state}${freed}`, 'ok');
  return 0;
}
