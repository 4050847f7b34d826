-- The people in charge of the chats of each customer with a phone, as inbox.phone_owners_changed reports. A customer of whose chats nobody is in
-- charge keeps a row without a phone: an older change that is handled later, by a replay of its dead letter, has no effect.
create table call_orchestrator.phone_owners (
  customer_id text primary key,
  phone_number text,
  person_ids text[] not null,
  changed_at timestamptz not null
);
create index phone_owners_of on call_orchestrator.phone_owners (phone_number) where phone_number is not null;

-- The managers who see the call, in order, separated by spaces: those in charge of the chats of its phone; every one where it is empty.
alter table call_orchestrator.calls add seen_by text not null default '';
create index calls_seen on call_orchestrator.calls (seen_by, seq desc);
create index calls_seen_by_attention on call_orchestrator.calls (seen_by, attention desc, seq desc);
create index calls_seen_of_state on call_orchestrator.calls (seen_by, state, seq desc);
create index calls_seen_of_outcome on call_orchestrator.calls (seen_by, outcome, attention desc, seq desc);
