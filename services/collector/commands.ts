import { type Consumer, type Handler, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';

/** What a command is answered with; one without a text is obeyed in silence. */
export type Answers = Readonly<Partial<Record<ParsedOf<typeof inbox.obey_command>['command'], string | undefined>>>;

/** Commands that are not ours are left to people. */
export function followCommands(): Consumer {
  const ours = inbox.obey_command.input.shape.command;
  return on(inbox.command_given, async ({ messageId, chatId, command: said }, tx) => {
    const command = ours.safeParse(said).data;
    if (command !== undefined) tx.send(inbox.obey_command, { messageId, chatId, command }, { key: messageId });
  });
}

/**
 * /start lets us write and /stop forbids it, also to answer; so what is answered waits until that is kept.
 * Whether a person looks at an answer first is the sender's policy.
 */
export function obeyCommand(answers: Answers, isBotIn: (chatId: string) => Promise<boolean>): Handler<typeof inbox.obey_command> {
  return async ({ messageId, chatId, command }, { call, commit, key }) => {
    if (command !== 'help')
      await call(consents.set_consent, { chatId, isGiven: command === 'start', evidence: messageId }, { key: derivedKey('consent', key) });
    const text = answers[command];
    const isAnswered = text !== undefined && (await isBotIn(chatId));
    return commit(async (tx) => {
      if (isAnswered) tx.send(messages.send_message, { chatId, text, answers: messageId }, { key: derivedKey('command', key) });
      return { isAnswered };
    });
  };
}
