-- When the inbox assigned the chat: an older assignment that is handled later, by a replay of its dead letter, has no effect.
alter table journal.chat_owners add assigned_at timestamptz not null default '-infinity';
