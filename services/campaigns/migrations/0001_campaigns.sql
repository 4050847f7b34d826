create schema if not exists campaigns;

create table campaigns.campaigns (
  campaign_id text primary key,
  seq bigint generated always as identity unique, -- the order of pages
  name text not null,
  state text not null default 'draft' check (state in ('draft', 'running', 'paused', 'stopping', 'completed', 'stopped')),
  rules jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  check ((state in ('completed', 'stopped')) = (ended_at is not null))
);
create index campaigns_in_work on campaigns.campaigns (seq) where state in ('running', 'paused', 'stopping');
create index campaigns_ended on campaigns.campaigns (ended_at) where ended_at is not null;

create table campaigns.members (
  member_id text primary key,
  seq bigint generated always as identity, -- the order of pages
  campaign_id text not null references campaigns.campaigns on delete cascade,
  phone_number text not null,
  name text,
  lead_id text,
  time_zone text, -- null: that of the number
  consent text,
  state text not null check (state in ('waiting', 'dialling', 'answered', 'not_answered', 'refused', 'not_allowed', 'review')),
  reason text,
  sent integer not null default 0, -- calls that were sent: the last part of their keys
  attempts integer not null default 0, -- calls that count
  machines integer not null default 0, -- calls that a machine answered
  due_at timestamptz,
  unique (campaign_id, phone_number),
  check ((state = 'waiting') = (due_at is not null))
);
create index members_due on campaigns.members (campaign_id, due_at, seq) where state = 'waiting';
create index members_of_state on campaigns.members (campaign_id, state, seq);
create index members_of_phone on campaigns.members (phone_number);

-- Calls that were sent. The row is written in the transaction that sends the call.
create table campaigns.attempts (
  key text primary key, -- of the start_call row
  campaign_id text not null references campaigns.campaigns on delete cascade,
  member_id text not null references campaigns.members on delete cascade,
  trunk text not null, -- '' for the first one of the gateway
  sent_at timestamptz not null,
  not_after timestamptz not null, -- the end of the window
  withdrawn_at timestamptz,
  call_id text,
  ended_at timestamptz,
  outcome text,
  check ((outcome is null) = (ended_at is null))
);
create index attempts_open on campaigns.attempts (campaign_id) where ended_at is null;
create index attempts_on_trunk on campaigns.attempts (trunk) where ended_at is null;
create index attempts_sent on campaigns.attempts (campaign_id, sent_at);
create index attempts_of_member on campaigns.attempts (member_id, sent_at);

-- Reasons for which members, or a whole campaign, wait for a person.
create table campaigns.holds (
  campaign_id text not null references campaigns.campaigns on delete cascade,
  reason text not null,
  since timestamptz not null,
  primary key (campaign_id, reason)
);

-- A copy of the do-not-call list, kept by calls.do_not_call_changed and read again as a whole from time to time.
create table campaigns.do_not_call (
  phone_number text primary key,
  is_forbidden boolean not null,
  changed_at timestamptz not null
);
create table campaigns.list_reads (
  of text primary key check (of = 'do_not_call'),
  read_at timestamptz not null
);

-- The people in charge of the chats of each customer with a phone, as inbox.phone_owners_changed reports.
create table campaigns.phone_owners (
  customer_id text primary key,
  phone_number text,
  person_ids text[] not null,
  changed_at timestamptz not null,
  last_phone text -- the last one that was reported, for an erasure
);
create index phone_owners_of on campaigns.phone_owners (phone_number) where phone_number is not null;
