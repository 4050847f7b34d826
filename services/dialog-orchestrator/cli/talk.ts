/** `polyb dialogs talk`: a conversation in the terminal, or one that is piped in. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import type { dialog } from '../../../contracts/dialog.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { type Ask, withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { newKey } from '../../../scripts/cli/kernel/method.ts';
import type { Output } from '../../../scripts/cli/kernel/output.ts';
import { clean, padEnd, padStart, widthOf } from '../../../scripts/cli/kernel/text.ts';
import { bubble, inkOf, proposalLine } from './draw-turn.ts';

type Answer = OutputOf<typeof dialog.dialog>;
type Choices = Answer['choices'];

export async function talk(invocation: Invocation): Promise<number> {
  const { flags, out, signal } = invocation;
  const sessionId = flags.text('session') ?? `talk-${randomBytes(4).toString('hex')}`;
  const [name, phoneNumber, language] = [flags.text('name'), flags.text('phone'), flags.text('language')];
  const person = {
    ...(name !== undefined && { name }),
    ...(phoneNumber !== undefined && { phoneNumber }),
    ...(language !== undefined && { language }),
  };
  const isTyped = out.canAsk;
  const { says } = inkOf(out);
  const lines = createInterface({ input: process.stdin, ...(isTyped && { output: process.stderr }), prompt: `${says} ` });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  out.note(`conversation ${sessionId}; a number or a title chooses an option, /quit ends`);
  try {
    await withAsk(
      invocation,
      async (ask) => {
        let choices: Choices = [];
        let state: Answer['state'] | null = null;
        if (isTyped) lines.prompt();
        for await (const typed of lines) {
          const line = typed.trim();
          if (line === '/quit') break;
          if (line !== '') {
            const said = chosenIn(line, choices);
            if (!isTyped) await out.item({ said: said.title }, () => bubble(out.paint('bold', says), said.title, out));
            const answer = await answerTo(ask, { sessionId, ...said.input, ...person }).catch((error: unknown) => {
              if (!isTyped || !isPolybError(error) || signal.aborted) throw error;
              out.failure(error);
              return null;
            });
            if (answer !== null) {
              await out.item(answer, () => drawAnswer(answer, state, out));
              ({ choices, state } = answer);
            }
          }
          if (isTyped) lines.prompt();
        }
      },
      { lasting: true },
    );
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
  out.note(`polyb dialogs show ${sessionId}    draws the turns`);
  return 0;
}

const answerTo = (ask: Ask, input: object): Promise<Answer> => ask<Answer>('dialog.dialog', input, { key: newKey() });

/** A number or a title of the last options is a choice; everything else is a message. */
function chosenIn(
  line: string,
  choices: Choices,
): { readonly title: string; readonly input: { readonly choice: string } | { readonly message: string } } {
  const plain = (text: string) => text.trim().toLowerCase();
  const option =
    (/^\d{1,3}$/.test(line) ? choices[Number(line) - 1] : undefined) ?? choices.find(({ title }) => plain(title) === plain(line));
  return option === undefined ? { title: line, input: { message: line } } : { title: option.title, input: { choice: option.id } };
}

function drawAnswer(answer: Answer, before: Answer['state'] | null, out: Output): string {
  const { paint } = out;
  const { replies, to } = inkOf(out);
  const { reply, state, proposals, choices, sessionId, isHandedOver } = answer;
  const why = isHandedOver
    ? 'staff has the conversation'
    : `the agent is off here (polyb dialogs mode ${sessionId} auto), or the option was chosen before`;
  return [
    reply === null ? `  ${paint('dim', `${replies} no reply: ${why}`)}` : bubble(paint('green', replies), reply, out),
    ...optionLines(choices, out),
    ...(state === before ? [] : [paint('dim', `    ${before === null ? '' : `${before} ${to} `}${state}`)]),
    ...(isHandedOver && reply !== null ? [`    ${paint('yellow', 'handed over to staff')}`] : []),
    ...proposals.map((proposal) => `    ${proposalLine(proposal, out)}`),
  ].join('\n');
}

/** Numbered options, in as many columns as the terminal has room for. */
function optionLines(choices: Choices, { paint, width }: Output): readonly string[] {
  if (choices.length === 0) return [];
  const digits = String(choices.length).length;
  const titles = choices.map(({ title }) => clean(title));
  const cell = Math.max(...titles.map(widthOf));
  const across = Math.max(1, Math.min(3, Math.floor((Math.min(width, 100) - 6) / (cell + digits + 4))));
  const cells = titles.map((title, at) => `${paint('cyan', padStart(String(at + 1), digits))} ${padEnd(title, cell)}`);
  return Array.from({ length: Math.ceil(cells.length / across) }, (_, row) =>
    `      ${cells.slice(row * across, (row + 1) * across).join('   ')}`.trimEnd(),
  );
}
