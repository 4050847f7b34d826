-- The people in charge of the chats of each customer with a phone, as inbox.phone_owners_changed reports: by it a manager is shown rows that name a
-- phone and no chat. A customer of whose chats nobody is in charge keeps a row without a phone: an older change that is handled later has no effect.
create table journal.phone_owners (
  customer_id text primary key,
  phone_number text,
  person_ids text[] not null,
  changed_at timestamptz not null
);
create index phone_owners_of on journal.phone_owners (phone_number) where phone_number is not null;
