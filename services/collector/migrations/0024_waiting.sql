-- What a list of chats shows and sorts by, so that it reads no messages: the customer who wrote last and their last message, what they want,
-- and since when messages of a customer are without an answer.
alter table collector.chats
  add column customer_id text,
  add column last_customer_message_id text,
  add column intent text,
  add column is_urgent boolean not null default false, -- one of the unanswered messages is
  add column waiting_since timestamptz, -- when the oldest unanswered message was sent
  add column unanswered int not null default 0;

update collector.chats chat set customer_id = last.sender_id, last_customer_message_id = last.message_id, intent = last.intent
from collector.chats each, lateral (
  select message.sender_id, message.message_id, message.intent from collector.messages message
    join collector.users person on person.user_id = message.sender_id join collector.user_roles using (role)
  where message.chat_id = each.chat_id and not is_staff and not is_bot and message.kind <> 'service'
  order by message.sent_at desc, message.seq desc limit 1
) last where chat.chat_id = each.chat_id;

update collector.chats chat set waiting_since = open.since, unanswered = open.messages, is_urgent = open.is_urgent
from collector.chats each, lateral (
  select min(message.sent_at) as since, count(*) as messages, bool_or(message.is_urgent) as is_urgent from collector.messages message
    join collector.users person on person.user_id = message.sender_id join collector.user_roles using (role)
  where message.chat_id = each.chat_id and not is_staff and not is_bot and message.kind <> 'service' and message.removed_at is null
    and person.erased_at is null and message.sent_at > coalesce((
      select answer.sent_at from collector.messages answer left join collector.users writer on writer.user_id = answer.sender_id
        left join collector.user_roles writes on writes.role = writer.role
      where answer.chat_id = each.chat_id and answer.kind <> 'service' and (writes.is_staff or (answer.direction = 'out' and writer.role is distinct from 'broadcast_bot'))
      order by answer.sent_at desc, answer.seq desc limit 1), '-infinity')
) open where chat.chat_id = each.chat_id and each.last_customer_message_id is not null and open.messages > 0;

create index chats_by_activity on collector.chats (last_message_at desc, chat_id desc) where merged_into is null and last_message_at is not null;
create index chats_waiting on collector.chats (waiting_since, chat_id) where waiting_since is not null;
create index chats_assigned on collector.chats (assigned_to, last_message_at desc) where assigned_to is not null;
