import type { ParsedOf } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';

type Draft = ParsedOf<typeof messages.deliver>;

/** A message to a private chat as the contract parses it, with other fields as given. */
export const draftOf = (of: Pick<Draft, 'channel' | 'botId' | 'to' | 'text'> & Partial<Draft>): Draft =>
  messages.deliver.input.parse({
    ...{ chatId: 'chat_1', isGroup: false, replyTo: null, threadId: null, template: null, answers: null },
    ...of,
  });
