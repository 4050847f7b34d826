-- The person in charge of each chat, as inbox.chat_assigned reports: a manager who follows a stream is told about their own chats and those of nobody.
create table gateway.chat_owners (
  chat_id text primary key,
  person_id text not null,
  changed_at timestamptz not null
);
