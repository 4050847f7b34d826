-- Who wrote a draft, and who answers in its chat as people said; null: they said nothing.
alter table sender.deliveries add column author text not null default 'program' check (author in ('person', 'program'));
create index deliveries_by_answer on sender.deliveries (chat_id, answers);
alter table sender.chats add column owner text check (owner in ('bot', 'human', 'off'));
