/** What a person who looks may see: the conditions of every statement that shows a customer's things. */
import type { z } from 'zod';
import { narrowedTo, type Viewer as ViewerSchema } from '../../../contracts/common.ts';

export type Viewer = z.output<typeof ViewerSchema>;
/** Adds a parameter to a statement, and returns its name. */
export type AddValue = (given: unknown) => string;

/** The parameters of a statement; the first ones are given. */
export function parameters(...values: unknown[]): { readonly values: readonly unknown[]; readonly value: AddValue } {
  return { values, value: (given) => `$${values.push(given)}` };
}

/** Conditions for rows of `collector.chats` under the alias; none for a person who sees all chats. */
export function seenChats(viewer: Viewer, chat: string, value: AddValue): readonly string[] {
  const personId = narrowedTo(viewer);
  return personId === null ? [] : [`(${chat}.assigned_to is null or ${chat}.assigned_to = ${value(personId)})`];
}

/** Conditions for messages, by the column of their chat. */
export function seenMessages(viewer: Viewer, chatId: string, value: AddValue): readonly string[] {
  return seenChats(viewer, 'seen', value).map(
    (seen) => `exists (select from collector.chats seen where seen.chat_id = ${chatId} and ${seen})`,
  );
}

/** Conditions for what belongs to a message, by the column of the message. */
export function seenOfMessages(viewer: Viewer, messageId: string, value: AddValue): readonly string[] {
  return seenMessages(viewer, 'message.chat_id', value).map(
    (seen) => `exists (select from collector.messages message where message.message_id = ${messageId} and ${seen})`,
  );
}

/** SQL for the ids of a client: their own and those of customers who were merged into it. */
export const identitiesOf = (userId: string): string =>
  `array(select identity.user_id from collector.users identity where identity.user_id = ${userId} or identity.merged_into = ${userId})`;

/** Conditions for customers: a manager sees one through a chat that they see, and one who has written in no chat. */
export function seenPeople(viewer: Viewer, userId: string, value: AddValue): readonly string[] {
  const member = `collector.chat_members member`;
  const own = `member.user_id = any (${identitiesOf(userId)})`;
  return seenChats(viewer, 'seen', value).map(
    (seen) =>
      `(exists (select from ${member} join collector.chats seen using (chat_id) where ${own} and ${seen}) or not exists (select from ${member} where ${own}))`,
  );
}
