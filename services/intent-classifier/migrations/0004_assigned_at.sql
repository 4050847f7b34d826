-- A chat that is nobody's keeps its row: an older assignment that is handled later, by a replay of its dead letter, must not give the chat away again.
alter table intent_classifier.assigned_chats alter column person_id drop not null, add changed_at timestamptz not null default '-infinity';
