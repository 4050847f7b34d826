/** Chats as the staff works through them: who waits, for whom, since when. A number and its list come from the same conditions. */
import type { Queries } from '../../../bus/service.ts';
import type { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf, ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { cursorOf, listOf, placeOf, timeAt, usOf } from '../cursor.ts';
import { type At, type ChatColumns, chatColumns, ownerAt, shownChat } from './chat-context.ts';
import { peopleLike } from './customers.ts';
import { fewHits, likened, mostGathered, mostWalked, prepare } from './search.ts';
import { type AddValue, identitiesOf, parameters, seenChats } from './seen.ts';

type Page = OutputOf<typeof inbox.list_chats>;
type Item = Page['items'][number];
type Wanted = Omit<ParsedOf<typeof inbox.list_chats>, 'limit' | 'cursor' | 'q' | 'order'>;
/** Length of the last message in the list, in characters. */
const shortText = 200;

interface Columns extends ChatColumns {
  readonly sorted_us: string;
  readonly last_message_at: Date;
  readonly intent: Item['intent'];
  readonly is_urgent: boolean;
  readonly waiting_since: Date | null;
  readonly unanswered: number;
  readonly customer_id: string | null;
  readonly name: string;
  readonly phone_number: string | null;
  readonly text: string | null;
  readonly message_kind: NonNullable<Item['lastMessage']>['kind'];
  readonly direction: 'in' | 'out';
  readonly is_staff: boolean | null;
  readonly sent_at: Date;
}

function shown(row: Columns): Item {
  return {
    ...shownChat(row),
    lastMessageAt: row.last_message_at.toISOString(),
    intent: row.intent,
    isUrgent: row.is_urgent,
    waitingSince: row.waiting_since?.toISOString() ?? null,
    unanswered: row.unanswered,
    customer: row.customer_id === null ? null : { customerId: row.customer_id, name: row.name, phoneNumber: row.phone_number },
    lastMessage:
      row.text === null || row.last_message_id === null
        ? null
        : {
            messageId: row.last_message_id,
            text: row.text.toWellFormed(),
            kind: row.message_kind,
            direction: row.direction,
            isStaff: row.is_staff ?? false,
            sentAt: row.sent_at.toISOString(),
          },
  };
}

/** Conditions for rows of `collector.chats`. @throws PolybError invalid_argument where nobody is named as mine. */
function conditionsOf(wanted: Partial<Wanted>, at: At, value: AddValue): readonly string[] {
  const when = <T>(given: T | undefined, condition: (given: T) => string) => (given === undefined ? [] : [condition(given)]);
  const me = () => value(wanted.of ?? wanted.viewer?.personId ?? nobodyNamed());
  const assigned = {
    all: () => [],
    nobody: () => ['chats.assigned_to is null'],
    mine: () => [`chats.assigned_to = ${me()}`],
    others: () => [`chats.assigned_to <> ${me()}`],
  };
  return [
    `chats.merged_into is null and chats.last_message_at is not null and not starts_with(chats.external_id, 'erased:')`,
    ...seenChats(wanted.viewer, 'chats', value),
    ...assigned[wanted.assigned ?? 'all'](),
    ...when(wanted.channel, (channel) => `chats.channel = ${value(channel)}`),
    ...when(wanted.intent, (intent) => `chats.intent = ${value(intent)}`),
    ...when(wanted.owner, (owner) => `${ownerAt(at, value)} = ${value(owner)}`),
    // An urgent chat waits, which has an index.
    ...when(wanted.isUrgent, (isUrgent) => (isUrgent ? 'chats.is_urgent and chats.waiting_since is not null' : 'not chats.is_urgent')),
    ...when(wanted.isWaiting, (isWaiting) => `chats.waiting_since is ${isWaiting ? 'not null' : 'null'}`),
    ...when(
      wanted.customerId,
      (customerId) =>
        `chats.chat_id in (select member.chat_id from collector.chat_members member where member.user_id = any (${identitiesOf(`(select coalesce(merged_into, user_id) from collector.users where user_id = ${value(customerId)})`)}))`,
    ),
  ];
}
function nobodyNamed(): never {
  throw new PolybError('invalid_argument', 'assigned: mine and others need `of`, the login of a person.');
}

interface Paged extends At {
  readonly limit: number;
  readonly cursor?: string | undefined;
}
/** Must run in its own transaction if it has `q`. */
export async function pageOfChats(
  tx: Queries,
  { q, order, ...wanted }: Wanted & { readonly q?: string | undefined; readonly order: 'activity' | 'waiting' },
  { limit, cursor, ...at }: Paged,
): Promise<Page> {
  const list = listOf('chats', { ...wanted, q, order });
  const place = placeOf(cursor, list);
  const { values, value } = parameters();
  const column = order === 'waiting' ? 'chats.waiting_since' : 'chats.last_message_at';
  const [beyond, direction] = order === 'waiting' ? ['>', ''] : ['<', ' desc'];
  const isFuzzy = place?.isFuzzy ?? false;
  const found = q === undefined ? null : await chatsLike(tx, q, isFuzzy);
  const conditions = [
    ...conditionsOf(wanted, at, value),
    ...(order === 'waiting' ? ['chats.waiting_since is not null'] : []),
    ...(found === null ? [] : [`chats.chat_id = any (${value(found.chatIds)})`]),
    ...(place === undefined ? [] : [`(${column}, chats.chat_id) ${beyond} (${timeAt(value(place.atUs))}, ${value(place.id)})`]),
  ];
  const rows = await tx.query<Columns>(
    `with page as materialized (
       select ${chatColumns(at, value)}, ${column} as sorted, ${usOf(column)} as sorted_us, chats.last_message_at, chats.intent, chats.is_urgent,
         chats.waiting_since, chats.unanswered, chats.customer_id
       from collector.chats where ${conditions.join(' and ')}
       order by ${column}${direction}, chats.chat_id${direction} limit ${value(limit + 1)}
     )
     select page.*, coalesce(customer.name, '') as name, customer.phone_number, left(coalesce(message.transcript, message.text), ${shortText}) as text,
       message.kind as message_kind, message.direction, message.sent_at, role.is_staff
     from page
       left join collector.users customer on customer.user_id = page.customer_id
       left join collector.messages message on message.message_id = page.last_message_id
       left join collector.users sender on sender.user_id = message.sender_id
       left join collector.user_roles role on role.role = sender.role
     order by page.sorted${direction}, page.chat_id${direction}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isMore = rows.length > limit && last !== undefined;
  return {
    items: page.map(shown),
    nextCursor: isMore ? cursorOf({ atUs: last.sorted_us, id: last.chat_id, isFuzzy: found?.isFuzzy ?? false }, list) : null,
  };
}

/** Chats with a message or a customer that matches. Of a frequent word, those among the latest messages. */
async function chatsLike(
  tx: Queries,
  q: string,
  isFuzzy: boolean,
): Promise<{ readonly chatIds: readonly string[]; readonly isFuzzy: boolean }> {
  const search = await prepare(tx, q);
  const people = parameters();
  const byName = await tx.query<{ chatId: string }>(
    `select distinct chat_id as "chatId" from collector.users person join collector.chat_members using (user_id)
     where role = 'client' and ${peopleLike(q, people.value)} limit ${mostGathered}`,
    people.values,
  );
  const exact = isFuzzy ? [] : await chatsSaying(tx, search.query);
  const isEnough = !isFuzzy && (search.isExact || byName.length + exact.length >= fewHits);
  const said = isEnough ? exact : await chatsSaying(tx, ((await likened(tx, q, search)) ?? search).query);
  return { chatIds: [...new Set([...byName, ...said].map(({ chatId }) => chatId))], isFuzzy: !isEnough };
}
async function chatsSaying(tx: Queries, query: string): Promise<readonly { readonly chatId: string }[]> {
  if (query === '') return [];
  const gathered = await tx.query<{ chatId: string }>(
    `select chat_id as "chatId" from collector.messages where fts @@ $1::tsquery limit ${mostGathered + 1}`,
    [query],
  );
  if (gathered.length <= mostGathered) return gathered;
  return tx.query<{ chatId: string }>(
    `with recent as materialized (
       select chat_id, fts @@ $1::tsquery as is_hit from collector.messages order by sent_at desc, seq desc limit ${mostWalked})
     select distinct chat_id as "chatId" from recent where is_hit`,
    [query],
  );
}

/** Each number is that of the list with the same filters. */
export async function chatTotals(
  db: Queries,
  { viewer, of }: Pick<Wanted, 'viewer' | 'of'>,
  at: At,
): Promise<OutputOf<typeof inbox.chat_totals>> {
  const { values, value } = parameters();
  const waiting = conditionsOf({ viewer, isWaiting: true }, at, value).join(' and ');
  const counted = (wanted: Partial<Wanted>) => `count(*) filter (where ${conditionsOf(wanted, at, value).join(' and ')})::int`;
  const mine = of === undefined && viewer === undefined ? 'null::int' : counted({ of, viewer, assigned: 'mine' });
  const [row] = await db.query<Omit<OutputOf<typeof inbox.chat_totals>, 'oldestAt'> & { readonly oldest: Date | null }>(
    `select count(*)::int as waiting, ${counted({ isUrgent: true })} as urgent, ${counted({ owner: 'human' })} as "forPerson",
       ${counted({ assigned: 'nobody' })} as unassigned, ${mine} as mine, min(chats.waiting_since) as oldest
     from collector.chats where ${waiting}`,
    values,
  );
  const { oldest = null, ...counts } = row ?? { waiting: 0, urgent: 0, forPerson: 0, unassigned: 0, mine: null };
  return { ...counts, oldestAt: oldest?.toISOString() ?? null };
}
