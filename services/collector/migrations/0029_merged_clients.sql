-- A customer whom a person of the staff has merged into another one: both are one client, each with the chats of their own channel.
alter table collector.users add column merged_into text references collector.users on delete set null;
create index users_merged on collector.users (merged_into) where merged_into is not null;

create table collector.client_merges (
  merge_id text collate "C" primary key, -- sorts by the order of merging
  customer_id text not null,
  merged_into text not null,
  who text not null,
  at timestamptz not null
);

-- Whoever is in charge of a chat of one of them is in charge of the phone of the other.
create trigger customer_merged after update of merged_into on collector.users for each row
  when (old.merged_into is distinct from new.merged_into) execute function collector.note_customer();
