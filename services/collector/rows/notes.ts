/** Notes of the staff about chats. */
import { newId } from '../../../bus/durable/identity.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { parameters, seenChats, type Viewer } from './seen.ts';

type Note = OutputOf<typeof inbox.add_note>;

/** The id under which a chat is stored, locked; null if there is none, or the person who looks may not see it. */
async function seenChatId(tx: Queries, given: string, viewer: Viewer): Promise<string | null> {
  const { values, value } = parameters(given);
  const named = 'chat_id = (select coalesce(merged_into, chat_id) from collector.chats where chat_id = $1)';
  const where = [named, `not starts_with(external_id, 'erased:')`, ...seenChats(viewer, 'chats', value)].join(' and ');
  const [chat] = await tx.query<{ chatId: string }>(`select chat_id as "chatId" from collector.chats where ${where} for key share`, values);
  return chat?.chatId ?? null;
}

export async function addNote(
  tx: Tx,
  given: { readonly chatId: string; readonly text: string; readonly who: string; readonly at: Date; readonly viewer: Viewer },
): Promise<Note | null> {
  const chatId = await seenChatId(tx, given.chatId, given.viewer);
  if (chatId === null) return null;
  const { text, who } = given;
  const note = { noteId: newId('note'), chatId, text, who, at: given.at.toISOString() };
  await tx.query('insert into collector.notes (note_id, chat_id, text, who, at) values ($1, $2, $3, $4, $5)', [
    ...[note.noteId, chatId, text, who, given.at],
  ]);
  tx.emit(inbox.note_added, { noteId: note.noteId, chatId, who, at: note.at });
  return note;
}

/** A page, newest first; null as above. */
export async function pageOfNotes(
  tx: Queries,
  {
    chatId: given,
    viewer,
    limit,
    cursor,
  }: { readonly chatId: string; readonly viewer?: Viewer; readonly limit: number; readonly cursor?: string | undefined },
): Promise<OutputOf<typeof inbox.list_notes> | null> {
  const chatId = await seenChatId(tx, given, viewer);
  if (chatId === null) return null;
  const rows = await tx.query<Omit<Note, 'at'> & { readonly at: Date }>(
    `select note_id as "noteId", chat_id as "chatId", text, who, at from collector.notes
     where chat_id = $1 and ($2::text is null or note_id < $2) order by note_id desc limit $3`,
    [chatId, cursor ?? null, limit + 1],
  );
  const items = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.noteId ?? null) : null };
}
