-- The people in charge of the chats of each customer with a phone, as inbox.phone_owners_changed reports. A customer of whose chats nobody is in
-- charge keeps a row without a phone: an older change that is handled later, by a replay of its dead letter, has no effect.
create table gateway.phone_owners (
  customer_id text primary key,
  phone_number text,
  person_ids text[] not null,
  changed_at timestamptz not null
);
create index phone_owners_of on gateway.phone_owners (phone_number) where phone_number is not null;
