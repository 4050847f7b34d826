/**
 * The only way to store updates, from polling, webhooks and replays: each is stored once and its event emitted in the same transaction.
 * Rows are locked in one order everywhere (aliases, chats, people, each by id), so that two deliveries never deadlock.
 */
import type { ChannelName, ReadMessage, ReadPart, ReadPerson, ReadPress, Update, UpdateBatch } from '../../../adapters/channel/port.ts';
import type { Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import { nextActId } from '../act-ids.ts';
import { messagesTotal, unreadTotal } from '../metrics.ts';
import { asksToStop } from '../opt-out.ts';
import { learnAliases } from './aliases.ts';
import { clearIntent, digestOf, emitChange, keptColumns, keptTables, putRemovals, type StoredMessage } from './changes.ts';
import { type Bot, type ChatOf, chatsOf, migrate, moveChats, touchChats } from './chats.ts';
import { putConnections } from './connections.ts';
import { wantFiles } from './files.ts';
import { movePerson, type PersonOf, peopleOf, touchPeople } from './people.ts';
import { keepRaw } from './raw-updates.ts';
import { putPositions, putReactions } from './reactions.ts';
import { learnWords } from './search.ts';
import { putStatuses } from './statuses.ts';

/** Longer texts are cut, so that a reply can hold one. UTF-16 units. */
const longestText = 131_072;

interface Item extends ReadMessage {
  readonly messageId: string;
  /** Of the update that contained it. */
  readonly update: number;
}
type Part<I extends ReadPart['is']> = Extract<ReadPart, { is: I }>;

/** Returns the number of new messages of each update. */
export async function put(tx: Tx, channel: ChannelName, { botId, updates }: UpdateBatch): Promise<readonly number[]> {
  const bot = { channel, botId };
  return putParts(tx, bot, updates, { fresh: await keepRaw(tx, bot, updates), knows: null });
}

/**
 * An outbound message, as accepted by the channel: no channel delivers it to the bot that sent it.
 * @param knows the latest act that its author knew; null: all that are stored
 */
export async function putOwn(tx: Tx, bot: Bot, message: ReadMessage, knows: string | null): Promise<void> {
  await putParts(tx, bot, [{ parts: [{ is: 'message', message }] }], { fresh: new Set(), knows });
}

/** @param fresh indexes of the updates that were new */
async function putParts(
  tx: Tx,
  bot: Bot,
  updates: readonly Pick<Update, 'parts'>[],
  { fresh, knows }: { readonly fresh: ReadonlySet<number>; readonly knows: string | null },
): Promise<readonly number[]> {
  const { channel } = bot;
  const parts = updates.flatMap(({ parts }, update) => parts.map((part) => ({ ...part, update })));
  const only = <I extends ReadPart['is']>(is: I) => parts.filter((part): part is Part<I> & { update: number } => part.is === is);

  const migrations = only('migration');
  const { idOf, moves } = await learnAliases(tx, channel, only('alias'));
  const messages = only('message').map(({ message, update }) => ({
    ...message,
    chat: { ...message.chat, externalId: idOf(message.chat.externalId, message.sentAt) },
    sender: message.sender && knownAs(message.sender, idOf(message.sender.externalId, message.sentAt)),
    messageId: nextActId(),
    update,
    text: message.text.slice(0, longestText).toWellFormed(),
  }));
  const reachable = only('reachable');
  const reactions = only('reaction').map((part) => ({
    ...part,
    chat: { ...part.chat, externalId: idOf(part.chat.externalId, part.at) },
    person: knownAs(part.person, idOf(part.person.externalId, part.at)),
  }));
  const connections = only('connection').filter(({ update }) => fresh.has(update));
  const presses = only('button')
    .filter(({ update }) => fresh.has(update))
    .map(({ press, update }) => ({
      ...press,
      update,
      chatExternalId: press.chatExternalId && idOf(press.chatExternalId, Date.now()),
      person: knownAs(press.person, idOf(press.person.externalId, Date.now())),
    }));
  const named = [...messages.map(({ chat }) => chat), ...reachable.map(({ chat }) => chat)];
  for (const move of moves) await moveChats(tx, channel, move);
  let chats = await chatsOf(tx, bot, named);
  for (const { from, to } of migrations) await migrate(tx, bot, from, to);
  await putConnections(tx, bot, connections);
  if (migrations.length > 0 || connections.length > 0) chats = await chatsOf(tx, bot, named);
  for (const move of moves) await movePerson(tx, channel, move);
  const people = await peopleOf(tx, channel, [
    ...messages.map(({ sender, sentAt }) => ({ person: sender, at: sentAt })),
    ...presses.map(({ person }) => ({ person, at: Date.now() })),
    ...reactions,
    ...connections.map(({ owner, establishedAt }) => ({ person: owner, at: establishedAt })),
  ]);
  const stored = await putMessages(tx, bot, messages, chats, people);

  await putRemovals(
    tx,
    bot,
    only('removal').map((part) => ({ ...part, chat: { ...part.chat, externalId: idOf(part.chat.externalId, part.at ?? Date.now()) } })),
  );

  await touchChats(
    tx,
    stored.map((item) => ({ ...item, chatId: chats(item.chat), by: people(item.sender), knows })),
    reachable.map((part) => ({ ...part, chatId: chats(part.chat) })),
  );
  await touchPeople(
    tx,
    channel,
    stored.flatMap(({ sender, sentAt }) => (sender === null ? [] : [{ person: sender, at: sentAt }])),
  );
  await putReactions(tx, bot, reactions, people);
  await putPositions(tx, bot, only('position'));
  await putStatuses(tx, bot, only('status'));
  for (const { type, update } of only('unread')) if (fresh.has(update)) tx.count(unreadTotal, { channel, type });
  for (const item of stored) {
    tell(tx, bot, item, chats(item.chat), people(item.sender));
    tx.count(messagesTotal, { channel, direction: item.direction });
  }
  for (const press of presses) {
    const { update, pressExternalId: of } = press;
    const message = of === null ? null : stored.find((item) => item.update === update && item.externalId === of);
    // A message that was stored before: the press was reported then.
    if (message !== undefined) await tellPress(tx, bot, press, message?.messageId ?? null, people);
  }
  return updates.map((_, index) => stored.filter(({ update }) => update === index).length);
}

/** The phone belongs to the reported id. */
const knownAs = (person: ReadPerson, externalId: string): ReadPerson =>
  externalId === person.externalId ? person : { ...person, externalId, phoneNumber: null };

async function putMessages(tx: Tx, bot: Bot, messages: readonly Item[], chats: ChatOf, people: PersonOf): Promise<readonly Item[]> {
  if (messages.length === 0) return [];
  const first = new Map<string, Item>();
  for (const message of messages) if (!first.has(keyOf(message))) first.set(keyOf(message), message);
  const inserted = await insertMessages(tx, bot, [...first.values()], chats, people);
  const isNew = new Set(inserted);
  const stored = [...first.values()].filter(({ messageId }) => isNew.has(messageId));
  await putVoices(tx, bot, stored);
  await wantFiles(tx, bot, stored);
  await learnWords(tx, inserted);
  for (const again of messages.filter(({ messageId }) => !isNew.has(messageId))) await putWording(tx, bot, again);
  return stored;
}
const keyOf = ({ chat, externalId }: ReadMessage): string => `${chat.externalId} ${externalId}`;

async function insertMessages(
  tx: Tx,
  { channel, botId }: Bot,
  items: readonly Item[],
  chats: ChatOf,
  people: PersonOf,
): Promise<readonly string[]> {
  const rows = items.map((item, n) => ({
    n,
    message_id: item.messageId,
    chat_external_id: item.chat.externalId,
    external_id: item.externalId,
    chat_id: chats(item.chat),
    sender_id: people(item.sender)?.customerId ?? null,
    direction: item.direction,
    kind: item.kind,
    text: item.text,
    content: item.content,
    thread_id: item.threadId,
    album_id: item.albumId,
    reply_to: item.replyTo,
    is_forwarded: item.isForwarded,
    sent_at: new Date(item.sentAt),
    edited_at: item.editedAt === null ? null : new Date(item.editedAt),
  }));
  const inserted = await tx.query<{ message_id: string }>(
    `with inserted as (insert into collector.messages (message_id, channel, bot_id, chat_external_id, external_id, chat_id, sender_id, direction, kind, text, content,
       thread_id, album_id, reply_to, is_forwarded, sent_at, edited_at)
     select message_id, $1, $2, chat_external_id, external_id, chat_id, sender_id, direction, kind, text, content,
       thread_id, album_id, reply_to, is_forwarded, sent_at, edited_at
     from json_to_recordset($3) as row (n int, message_id text, chat_external_id text, external_id text, chat_id text, sender_id text,
       direction text, kind text, text text, content jsonb, thread_id text, album_id text, reply_to text, is_forwarded boolean, sent_at timestamptz, edited_at timestamptz)
     order by n on conflict do nothing returning message_id, seq, chat_id, sender_id
     ), members as (
       insert into collector.chat_members (user_id, chat_id) select distinct sender_id, chat_id from inserted where sender_id is not null on conflict do nothing
     ), pending as (insert into collector.feed_pending select seq from inserted)
     select message_id from inserted`,
    [channel, botId, JSON.stringify(rows)],
  );
  return inserted.map(({ message_id }) => message_id);
}

/** A message that is already stored: a repeat, an edit, or the first version of one whose edit arrived earlier. */
async function putWording(tx: Tx, { channel, botId }: Bot, item: Item): Promise<void> {
  const { chat, externalId, text, kind, content, sentAt, editedAt } = item;
  const [is] = await tx.query<StoredMessage>(
    `select ${keptColumns} from ${keptTables}
     where message.channel = $1 and bot_id = $2 and chat_external_id = $3 and message.external_id = $4 and removed_at is null
     for update of message`,
    [channel, botId, chat.externalId, externalId],
  );
  const at = editedAt ?? sentAt;
  if (is === undefined) return;
  // A repeat, or an edit without a change of text: other media, a button under the message.
  if (is.text === text) {
    if (editedAt !== null && at > is.at.getTime())
      await tx.query('update collector.messages set edited_at = $2, content = $3 where message_id = $1', [
        is.message_id,
        new Date(at),
        JSON.stringify(content),
      ]);
    return;
  }
  const added = await tx.query<{ at: Date; digest: string }>(
    `insert into collector.message_versions (message_id, at, digest, text) values ($1, $2, $3, $4), ($1, $5, $6, $7)
     on conflict do nothing returning at, digest`,
    [is.message_id, is.at, digestOf(is.text), is.text, new Date(at), digestOf(text), text],
  );
  const isNews = added.some((row) => row.at.getTime() === at && row.digest === digestOf(text));
  if (!isNews || editedAt === null || at < is.at.getTime()) return;
  // The classification of the former text no longer applies; urgency stays until the new text is classified.
  await tx.query(
    `update collector.messages set text = $2, kind = $3, edited_at = $4, content = $5, intent = null, is_certain = null, confidence = null
     where message_id = $1`,
    [is.message_id, text, kind, new Date(at), JSON.stringify(content)],
  );
  await clearIntent(tx, [is.message_id]);
  await learnWords(tx, [is.message_id]);
  const changeId = await emitChange(tx, channel, is, { kind, change: 'edited', at });
  // Under the id of the change: the former message may have been processed already, and the customer may have written since.
  const isOfCustomer = is.sender_id !== null && !is.is_staff && !is.is_bot;
  if (isOfCustomer && commandOf(item) === 'stop')
    tx.emit(inbox.command_given, { messageId: changeId, chatId: is.chat_id, command: 'stop', at: new Date(at).toISOString() });
}

async function putVoices(tx: Tx, { channel, botId }: Bot, stored: readonly Item[]): Promise<void> {
  for (const { messageId, files } of stored)
    for (const voice of files.filter(({ kind }) => kind === 'voice').slice(0, 1))
      await tx.query(
        `insert into collector.voices (message_id, channel, bot_id, file_id, content_type, bytes, duration_ms) values ($1, $2, $3, $4, $5, $6, $7)`,
        [messageId, channel, botId, voice.id, voice.contentType.slice(0, 100), voice.bytes, voice.durationMs],
      );
}

function tell(tx: Tx, { channel }: Bot, item: Item, chatId: string, by: ReturnType<PersonOf>): void {
  const { messageId, kind } = item;
  const at = new Date(item.sentAt).toISOString();
  const command = by === null || by.isStaff || by.isBot ? undefined : commandOf(item);
  tx.emit(inbox.message_received, {
    messageId,
    channel,
    chatId,
    senderId: by?.customerId ?? null,
    isStaff: by?.isStaff ?? false,
    isBot: by?.isBot ?? false,
    kind,
    isReadable: item.text.trim() !== '' || item.content.some(({ type }) => type !== 'unknown' && type !== 'notice'),
    command: command ?? null,
    at,
  });
  // A separate event: few messages are commands, and consumers of commands need not read all messages.
  if (command !== undefined) tx.emit(inbox.command_given, { messageId, chatId, command, at });
}

/**
 * The command at the start of a private message, as the Bot API writes it, or its meaning in words. The words after a command are
 * ignored.
 */
function commandOf({ chat, kind, text, isForwarded }: Item): string | undefined {
  if (chat.kind !== 'private' || kind !== 'text' || isForwarded) return undefined;
  return /^\/(\w{1,32})(?![\p{L}\p{N}_])/u.exec(text)?.[1]?.toLowerCase() ?? (asksToStop(text) ? 'stop' : undefined);
}

async function tellPress(tx: Tx, bot: Bot, press: ReadPress, messageId: string | null, people: PersonOf): Promise<void> {
  const by = people(press.person);
  if (by === null) return;
  const [chat] = await tx.query<{ chat_id: string }>(
    `select chat_id from collector.chats where channel = $1 and bot_id = $2 and external_id = $3 and merged_into is null`,
    [bot.channel, bot.botId, press.chatExternalId],
  );
  tx.emit(inbox.button_pressed, {
    ...bot,
    chatId: chat?.chat_id ?? null,
    chatExternalId: press.chatExternalId,
    customerId: by.customerId,
    userId: by.customerId,
    role: by.role,
    isStaff: by.isStaff,
    messageExternalId: press.messageExternalId,
    queryId: press.queryId,
    messageId,
    data: press.data,
    title: press.title,
    at: new Date().toISOString(),
  });
}

/** The ids under which `put` stored a message. */
export async function storedAs(
  tx: Tx,
  { channel, botId, chat, externalId }: Bot & { readonly chat: string; readonly externalId: string },
): Promise<{ readonly messageId: string; readonly chatId: string }> {
  const [message] = await tx.query<{ messageId: string; chatId: string }>(
    `select message_id as "messageId", chat_id as "chatId" from collector.messages
     where channel = $1 and bot_id = $2 and chat_external_id = $3 and external_id = $4`,
    [channel, botId, chat, externalId],
  );
  return message as { messageId: string; chatId: string }; // `put` stored it or found it.
}
