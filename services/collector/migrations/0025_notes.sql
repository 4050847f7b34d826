-- What the staff tells one another about a chat. It is no message: nothing sends, searches or classifies it.
create table collector.notes (
  note_id text collate "C" primary key, -- sorts by the order of storing
  chat_id text not null references collector.chats on delete cascade,
  text text not null,
  who text not null,
  at timestamptz not null
);
create index notes_of_chat on collector.notes (chat_id, note_id);
create index notes_by_time on collector.notes (at);
