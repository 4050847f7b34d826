import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';

/** What a command is answered with; a command without a text is left to people. */
export type Answers = Readonly<Record<'start' | 'help', string | undefined>>;

/** Answers /start and /help in private chats, once each. Whether a person looks first is the sender's policy. */
export function answerCommands(answers: Answers, isBotIn: (chatId: string) => Promise<boolean>): Consumer {
  return on(inbox.message_received, async ({ messageId, chatId, isStaff, isBot, kind }, tx) => {
    if (kind !== 'text' || isStaff || isBot) return;
    const [message] = await tx.query<{ text: string }>(
      `select text from collector.messages join collector.chats using (chat_id)
       where message_id = $1 and chats.kind = 'private' and text ~ '^/(start|help)\\M'`,
      [messageId],
    );
    const command = /^\/(start|help)/.exec(message?.text ?? '')?.[1];
    const text = answers[command as keyof Answers]; // one of the two, or nothing is found
    if (text === undefined || !(await isBotIn(chatId))) return;
    tx.send(messages.send_message, { chatId, text, answers: messageId }, { key: `command:${messageId}` });
  });
}
