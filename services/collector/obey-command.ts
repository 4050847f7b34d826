import type { Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { consents } from '../../contracts/consents.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';

/** Replies to commands; a command without text gets none. */
export type Answers = Readonly<Partial<Record<ParsedOf<typeof inbox.obey_command>['command'], string | undefined>>>;

/**
 * /start permits messages and /stop forbids them, including the reply; so the reply waits until the consent is stored.
 * The sender's policy decides whether a person approves the reply.
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
