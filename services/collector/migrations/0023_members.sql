-- Who has written in a chat: through these a customer is seen by those who see the chat.
create table collector.chat_members (
  user_id text not null references collector.users on delete cascade,
  chat_id text not null references collector.chats on delete cascade,
  primary key (user_id, chat_id)
);
create index chat_members_of_chat on collector.chat_members (chat_id);
insert into collector.chat_members (user_id, chat_id) select distinct sender_id, chat_id from collector.messages where sender_id is not null;
