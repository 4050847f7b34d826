/** Query handlers of the inbox. */
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Commit, Database, HandlersOf } from '../../bus/service.ts';
import { actorOf } from '../../contracts/common.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { readFile, readVoice } from './read-file.ts';
import { assignChat, chatContext, setOwner } from './rows/chat-context.ts';
import { clientHistory } from './rows/client-history.ts';
import { activeClients, findClient, pageOfClients, setRole } from './rows/customers.ts';
import { erase, type PersonFields } from './rows/erase.ts';
import { pageOfFeed } from './rows/feed.ts';
import { chatTotals, pageOfChats } from './rows/list-chats.ts';
import { mergeClients, pageOfMerges } from './rows/merge-clients.ts';
import { findMessage, pageOfMessages, searchMessages, totals } from './rows/messages.ts';
import { addNote, pageOfNotes } from './rows/notes.ts';
import { pageOfDeliveries } from './rows/statuses.ts';

const dayMs = 86_400_000;
type Reads = Omit<HandlersOf<typeof inbox>, 'put_message' | 'store_message' | 'obey_command' | 'channel_webhook' | 'replay_updates'>;

export function reads({
  db,
  blobs,
  commit,
  now,
  takeoverMs,
  personFields,
}: {
  readonly db: Database;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly commit: Commit;
  readonly now: () => number;
  readonly takeoverMs: number;
  readonly personFields: PersonFields;
}): Reads {
  const at = () => ({ now: now(), takeoverMs });
  return {
    list_messages: async ({ q, order, storedSince, limit, cursor, clientId, ...rest }) => {
      const wanted = { ...rest, customerId: rest.customerId ?? clientId };
      if (order === 'stored') {
        if (q !== undefined || wanted.since !== undefined || wanted.until !== undefined)
          throw new PolybError('invalid_argument', 'order=stored cannot be combined with q, since or until; use storedSince.');
        return pageOfFeed(db, wanted, { limit, cursor, storedSince });
      }
      if (storedSince !== undefined) throw new PolybError('invalid_argument', 'storedSince requires order=stored.');
      return q === undefined
        ? pageOfMessages(db, wanted, { limit, cursor })
        : db.transaction((tx) => searchMessages(tx, q, wanted, { limit, cursor }));
    },
    get_message: async ({ messageId, viewer }) => (await findMessage(db, messageId, viewer)) ?? missing('message', messageId),
    list_deliveries: ({ limit, cursor, ...wanted }) => pageOfDeliveries(db, wanted, { limit, cursor }),
    message_totals: (wanted) => totals(db, wanted),
    list_clients: (wanted) => (wanted.q === undefined ? pageOfClients(db, wanted) : db.transaction((tx) => pageOfClients(tx, wanted))),
    get_client: async ({ viewer, ...whom }) => (await findClient(db, customerOf(whom), viewer)) ?? missing('client', customerOf(whom)),
    client_messages: async ({ limit, cursor, since, until, viewer, ...whom }) => {
      const client = (await findClient(db, customerOf(whom), viewer)) ?? missing('client', customerOf(whom));
      const { customerId, mergedIds } = client;
      const author = mergedIds.length === 0 ? { customerId } : { customerIds: [customerId, ...mergedIds] };
      return pageOfMessages(db, { since, until, viewer, ...author }, { limit, cursor });
    },
    client_history: async ({ customerId, ...rest }) => (await clientHistory(db, customerId, rest)) ?? missing('client', customerId),
    merge_clients: async ({ customerId, into, onBehalfOf, viewer }, { caller }) => {
      const by = { who: actorOf(caller, onBehalfOf), at: new Date(now()), viewer };
      return (await commit((tx) => mergeClients(tx, { customerId, into, ...by }))) ?? missing('client', `${customerId} or ${into}`);
    },
    list_client_merges: (wanted) => pageOfMerges(db, wanted),
    active_clients: ({ days, ...rest }) => activeClients(db, { ...rest, since: new Date(now() - days * dayMs) }),
    set_role: async ({ role, ...whom }) =>
      (await db.transaction((tx) => setRole(tx, customerOf(whom), role))) ?? missing('user', customerOf(whom)),
    erase_person: async (whom) => {
      const customerId = customerOf(whom);
      const { messages } = (await commit((tx) => erase(tx, { customerId }, personFields))) ?? missing('user', customerId);
      return { customerId, userId: customerId, messages };
    },
    erase_external_id: async (whom) => {
      const erased = await commit((tx) => erase(tx, whom, personFields));
      const customerId = erased?.customerId ?? null;
      return { customerId, userId: customerId, messages: erased?.messages ?? 0 };
    },
    chat_context: async ({ chatId, limit, viewer }) =>
      (await chatContext(db, chatId, limit, { ...at(), viewer })) ?? missing('chat', chatId),
    list_chats: ({ limit, cursor, ...wanted }) => {
      const page = { ...at(), limit, cursor };
      return wanted.q === undefined ? pageOfChats(db, wanted, page) : db.transaction((tx) => pageOfChats(tx, wanted, page));
    },
    chat_totals: (wanted) => chatTotals(db, wanted, at()),
    set_chat_owner: async ({ chatId, owner, forMs, viewer }) =>
      (await commit((tx) => setOwner(tx, chatId, owner, forMs ?? null, { ...at(), viewer }))) ?? missing('chat', chatId),
    add_note: async ({ chatId, text, onBehalfOf, viewer }, { caller, commit: once }) => {
      const note = { chatId, text, who: actorOf(caller, onBehalfOf), at: new Date(now()), viewer };
      return once(async (tx) => (await addNote(tx, note)) ?? missing('chat', chatId));
    },
    list_notes: async (wanted) => (await db.transaction((tx) => pageOfNotes(tx, wanted))) ?? missing('chat', wanted.chatId),
    assign_chat: async ({ chatId, personId, onBehalfOf, viewer }, { caller }) => {
      const by = { ...at(), who: actorOf(caller, onBehalfOf), viewer };
      return (await commit((tx) => assignChat(tx, chatId, personId, by))) ?? missing('chat', chatId);
    },
    read_file: (wanted, { signal }) => readFile({ db, blobs }, wanted, signal),
    get_voice: (wanted) => readVoice(db, wanted),
  };
}

/** The id under its name or a former one. */
function customerOf({ customerId, clientId, userId }: Partial<Record<'customerId' | 'clientId' | 'userId', string | undefined>>): string {
  const id = customerId ?? clientId ?? userId;
  if (id === undefined) throw new PolybError('invalid_argument', 'customerId: expected the id of a customer, as in list_clients.');
  return id;
}

function missing(what: string, id: string): never {
  throw new PolybError('not_found', `There is no ${what} ${id}.`);
}
