-- The built-in booking calendar. Its clients are the contacts of the built-in CRM.
-- btree_gist is part of PostgreSQL and trusted: the owner of a database may create it.
create extension if not exists btree_gist;

-- What the company offers and who works when, as contracts/company.ts describes it. One row.
create table crm_connector.company (
  only_row   boolean primary key default true check (only_row),
  document   jsonb not null,
  updated_at timestamptz not null default now()
);

create table crm_connector.appointments (
  appointment_id text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref            text unique,
  client_id      text not null references crm_connector.contacts on delete cascade,
  service_ids    text[] not null,
  employee_id    text not null,
  starts_at      timestamptz not null,
  minutes        integer not null,
  -- With the time after the appointment that stays free.
  busy           tstzrange not null,
  status         text not null default 'booked' check (status in ('booked', 'confirmed', 'arrived', 'no_show', 'cancelled')),
  comment        text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint appointments_apart exclude using gist (employee_id with =, busy with &&) where (status <> 'cancelled')
);
create index appointments_client on crm_connector.appointments (client_id, starts_at);
create index appointments_start on crm_connector.appointments (starts_at);
