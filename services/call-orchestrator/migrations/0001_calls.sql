create schema if not exists call_orchestrator;

create table call_orchestrator.calls (
  call_id text primary key,
  seq bigint generated always as identity unique, -- the order of pages
  key text not null unique, -- of the start_call row and of the dial that it sent
  lead_id text not null,
  phone_number text not null,
  created_by_id text,
  time_zone text, -- the callee's, when the caller knew it
  leg_id text,
  state text not null default 'queued' check (state in ('queued', 'ringing', 'answered', 'ended')),
  outcome text,
  created_at timestamptz not null,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz,
  end_requested_at timestamptz, -- somebody wants it to end
  hung_up_at timestamptz, -- and the gateway was told
  check ((state = 'ended') = (ended_at is not null) and (state = 'ended') = (outcome is not null))
);
-- The last line against ringing somebody twice at a time: one active call a phone.
create unique index calls_active on call_orchestrator.calls (phone_number) where state <> 'ended';
create index calls_of_phone on call_orchestrator.calls (phone_number, created_at);
create index calls_of_lead on call_orchestrator.calls (lead_id, seq);

create table call_orchestrator.do_not_call (
  phone_number text primary key,
  reason text not null,
  since timestamptz not null
);
