-- Who is in charge of a chat, as the inbox says: a manager is shown their own chats and those of nobody.
create table intent_classifier.assigned_chats (
  chat_id text primary key,
  person_id text not null
);
-- The person who corrected the classification; null: it was classified. The version before it is what was corrected.
alter table intent_classifier.message_analysis add column who text;
