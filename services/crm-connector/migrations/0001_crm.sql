-- The built-in CRM. `ref` is the reference of the attempt that made the record: a second use of it makes nothing.
-- Rows that staff or an import put here have none.
create schema if not exists crm_connector;

create table crm_connector.contacts (
  contact_id text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref        text unique,
  first_name text,
  last_name  text,
  email      text,
  time_zone  text,
  created_at timestamptz not null default now()
);

create table crm_connector.contact_phones (
  contact_id text not null references crm_connector.contacts on delete cascade,
  phone      text not null check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  nth        smallint not null default 0,   -- 0 is the main number
  primary key (contact_id, phone)
);
create index contact_phones_phone on crm_connector.contact_phones (phone);

create table crm_connector.leads (
  lead_id    text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref        text unique,
  contact_id text not null references crm_connector.contacts on delete cascade,
  first_name text not null,
  last_name  text,
  phone      text not null,
  source     text not null,
  comment    text,
  status     text not null default 'new' check (status in ('new', 'in_process', 'converted', 'dead')),
  created_by text not null default 'polyb',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index leads_open on crm_connector.leads (contact_id, created_at desc) where status in ('new', 'in_process');

create table crm_connector.deals (
  deal_id      text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref          text unique,
  contact_id   text not null references crm_connector.contacts on delete cascade,
  title        text not null,
  amount_minor bigint not null,
  currency     text not null,
  close_at     timestamptz not null,
  stage        text,
  created_at   timestamptz not null default now()
);
create index deals_contact on crm_connector.deals (contact_id);

-- What a task or a note is about is a lead, a contact or a deal; the insert looks whether it is there.
create table crm_connector.tasks (
  task_id    text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref        text unique,
  about_kind text not null check (about_kind in ('lead', 'contact', 'deal')),
  about_id   text not null,
  subject    text not null,
  due_at     timestamptz,
  text       text,
  created_at timestamptz not null default now()
);
create index tasks_about on crm_connector.tasks (about_id);

create table crm_connector.notes (
  note_id    text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref        text unique,
  about_kind text not null check (about_kind in ('lead', 'contact', 'deal')),
  about_id   text not null,
  text       text not null,
  created_at timestamptz not null default now()
);
create index notes_about on crm_connector.notes (about_id);

create table crm_connector.calls (
  crm_call_id text primary key default replace(gen_random_uuid()::text, '-', ''),
  ref         text unique,
  lead_id     text not null references crm_connector.leads on delete cascade,
  contact_id  text references crm_connector.contacts on delete set null,
  call_id     text not null,                -- of the calls contract
  direction   text not null check (direction in ('outbound', 'inbound')),
  outcome     text not null check (outcome in ('answered', 'busy', 'no_answer', 'rejected', 'failed', 'unknown')),
  phone       text not null,
  started_at  timestamptz not null,
  duration_ms integer not null,
  created_at  timestamptz not null default now()
);
create index calls_lead on crm_connector.calls (lead_id);
create index calls_contact on crm_connector.calls (contact_id);
