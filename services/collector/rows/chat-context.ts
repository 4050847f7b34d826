/** Context of a chat for other services: who answers in it, and its latest messages. */
import type { z } from 'zod';
import { canRequestContact } from '../../../adapters/channel/index.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { type ChatOwner, inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { nextActId } from '../act-ids.ts';
import { setAssigned } from './assigned.ts';
import { isUsable } from './connections.ts';
import { lastMessages } from './messages.ts';
import { type AddValue, parameters, seenChats, type Viewer } from './seen.ts';

type Context = OutputOf<typeof inbox.chat_context>;
type Owner = z.output<typeof ChatOwner>;
interface Looking {
  readonly viewer?: Viewer;
}
/** Unix ms, and how long staff keeps a chat after writing in it. */
export interface At {
  readonly now: number;
  readonly takeoverMs: number;
}
export interface ChatColumns {
  readonly chat_id: string;
  readonly channel: Context['chat']['channel'];
  readonly bot_id: string;
  readonly external_id: string;
  readonly kind: Context['chat']['kind'];
  readonly title: string | null;
  readonly owner: Owner;
  readonly is_reachable: boolean;
  readonly assigned_to: string | null;
  readonly last_inbound_at: Date | null;
  readonly last_message_id: string | null;
  readonly last_act_id: string | null;
}
/** SQL for who answers. A setting made by a person has priority over observations, except after a bot was added again. */
export function ownerAt({ now, takeoverMs }: At, value: AddValue): string {
  const isTakenOver = `chats.staff_wrote_at > ${value(new Date(now - takeoverMs))} or chats.human_until > ${value(new Date(now))}`;
  return `case when chats.owner in ('off', 'human') then chats.owner when ${isTakenOver} then 'human' else 'bot' end`;
}
export const chatColumns = (at: At, value: AddValue): string =>
  `chats.chat_id, chats.channel, chats.bot_id, chats.external_id, chats.kind, chats.title, ${ownerAt(at, value)} as owner,
   chats.is_reachable and ${isUsable} as is_reachable, chats.last_inbound_at, chats.last_message_id, chats.last_act_id, chats.assigned_to`;

export function shownChat(row: ChatColumns): Context['chat'] {
  return {
    chatId: row.chat_id,
    channel: row.channel,
    botId: row.bot_id,
    externalId: row.external_id,
    kind: row.kind,
    title: row.title,
    owner: row.owner,
    isReachable: row.is_reachable,
    lastInboundAt: row.last_inbound_at?.toISOString() ?? null,
    lastMessageId: row.last_message_id,
    lastActId: row.last_act_id,
    assignedTo: row.assigned_to,
    canRequestContact: canRequestContact(row.channel, { externalId: row.external_id, kind: row.kind }),
  };
}

/** The id of a merged chat refers to the chat it was merged into. */
function seenChat(chatId: string, viewer: Viewer): ReturnType<typeof parameters> & { readonly where: string } {
  const { values, value } = parameters(chatId);
  const named = 'chat_id = (select coalesce(merged_into, chat_id) from collector.chats where chat_id = $1)';
  return { values, value, where: [named, ...seenChats(viewer, 'chats', value)].join(' and ') };
}

/** Null if there is no such chat, or the person who looks may not see it; so do the other functions. */
export async function chatContext(db: Queries, chatId: string, limit: number, { viewer, ...at }: At & Looking): Promise<Context | null> {
  const { values, value, where } = seenChat(chatId, viewer);
  const [row] = await db.query<ChatColumns>(`select ${chatColumns(at, value)} from collector.chats where ${where}`, values);
  return row === undefined ? null : { chat: shownChat(row), messages: [...(await lastMessages(db, row.chat_id, limit))] };
}

/**
 * `bot` also ends a takeover by staff at once. Setting the current value has no effect.
 * @param forMs how long staff has the chat; null: until it is set otherwise
 */
export async function setOwner(
  tx: Tx,
  given: string,
  owner: Owner,
  forMs: number | null,
  { viewer, ...at }: At & Looking,
): Promise<Context['chat'] | null> {
  const { values, where } = seenChat(given, viewer);
  const [was] = await tx.query<{ chatId: string; owner: Owner | null }>(
    `select chat_id as "chatId", owner from collector.chats where ${where} for no key update`,
    values,
  );
  if (was === undefined) return null;
  const { chatId } = was;
  const changeId = nextActId();
  const until = owner === 'human' && forMs !== null ? new Date(at.now + forMs) : null;
  await tx.query(
    `update collector.chats set owner = case when $5::timestamptz is null then $2 else owner end, human_until = $5,
       staff_wrote_at = case when $2 = 'bot' then null else staff_wrote_at end,
       last_act_id = case when $3 then $4 else last_act_id end
     where chat_id = $1`,
    [chatId, owner, owner !== 'bot' && owner !== was.owner, changeId, until],
  );
  if (owner !== was.owner) tx.emit(inbox.owner_changed, { changeId, chatId, owner, at: new Date(at.now).toISOString() });
  return currentChat(tx, chatId, at);
}

export async function assignChat(
  tx: Tx,
  given: string,
  personId: string | null,
  { who, viewer, ...at }: At & Looking & { readonly who: string },
): Promise<Context['chat'] | null> {
  const { values, where } = seenChat(given, viewer);
  const [chat] = await tx.query<{ chatId: string }>(
    `select chat_id as "chatId" from collector.chats where ${where} for no key update`,
    values,
  );
  if (chat === undefined) return null;
  await setAssigned(tx, [chat.chatId], personId, who);
  return currentChat(tx, chat.chatId, at);
}

async function currentChat(tx: Tx, chatId: string, at: At): Promise<Context['chat'] | null> {
  const { values, value } = parameters(chatId);
  const [row] = await tx.query<ChatColumns>(`select ${chatColumns(at, value)} from collector.chats where chat_id = $1`, values);
  return row === undefined ? null : shownChat(row);
}
