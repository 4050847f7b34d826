-- Messages by which chats of the staff are asked for approval: one a row and chat, the youngest.
create table pipelines.approval_notices (
  row_id text not null,
  chat text not null, -- as the settings name it
  posted_in text not null, -- as Telegram calls it: a group may have become a supergroup
  message_id text not null,
  drawn text not null, -- a digest of how the message looks
  is_open boolean not null, -- it has buttons
  changed_at timestamptz not null default now(),
  primary key (row_id, chat)
);
create index approval_notices_by_chat on pipelines.approval_notices (posted_in);
create index approval_notices_by_age on pipelines.approval_notices (changed_at) where not is_open;
