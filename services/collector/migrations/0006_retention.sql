-- Rows stand in the order in which they were received, so that this index is a few pages and costs a delivery nothing.
create index messages_by_receipt on collector.messages using brin (received_at);
-- An alias of nobody is kept so long after it was told.
alter table collector.user_aliases add column told_at timestamptz not null default now();
-- By these a chat that goes finds what refers to it.
create index chats_merged on collector.chats (merged_into) where merged_into is not null;
create index chat_aliases_of on collector.chat_aliases (chat_id);
