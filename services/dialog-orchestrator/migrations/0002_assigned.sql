-- Who is in charge of a chat, as the inbox says: a manager is shown their own chats and those of nobody.
create table dialog_orchestrator.assigned_chats (
  chat_id text primary key,
  person_id text not null
);
