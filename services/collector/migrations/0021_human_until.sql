-- Until when staff has the chat; null: not for a set time.
alter table collector.chats add column human_until timestamptz;
