import { type Consumer, on } from '../../bus/service.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';

/** What a command is answered with; a command without a text is left to people. */
export type Answers = Readonly<Partial<Record<Command, string | undefined>>>;
type Command = (typeof commands)[number];
const commands = ['start', 'help', 'stop'] as const;

/**
 * Obeys commands in private chats, once each: /start and /help are answered, /start lets us write, and /stop forbids it, also to answer.
 * Whether a person looks at an answer first is the sender's policy.
 */
export function answerCommands(answers: Answers, isBotIn: (chatId: string) => Promise<boolean>): Consumer {
  return on(inbox.command_given, async ({ messageId, chatId, command: said }, tx) => {
    const command = commands.find((one) => one === said);
    if (command === undefined) return;
    if (command !== 'help')
      tx.send(consents.set_consent, { chatId, isGiven: command === 'start', evidence: messageId }, { key: `consent:${messageId}` });
    const text = answers[command];
    if (text === undefined || !(await isBotIn(chatId))) return;
    tx.send(messages.send_message, { chatId, text, answers: messageId }, { key: `command:${messageId}` });
  });
}
