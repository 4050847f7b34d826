-- A receipt states what was done: no later act makes it stale.
alter table sender.deliveries add column is_receipt boolean not null default false;
