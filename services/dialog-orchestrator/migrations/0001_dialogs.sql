create schema if not exists dialog_orchestrator;

create table dialog_orchestrator.sessions (
  session_id text primary key, -- the chat, or a digest of the caller's own id
  external_id text not null, -- as the caller names it; of a chat, its id
  chat_id text unique,
  channel text,
  customer_id text,
  state text not null,
  mode text check (mode in ('auto', 'draft', 'off')), -- null: the setting
  language text not null check (language in ('ru', 'en')),
  name text,
  phone text,
  phone_proof text not null default 'none' check (phone_proof in ('none', 'claimed', 'proved')),
  memory jsonb not null, -- offered slots and appointments by their short names, chosen services, what was done
  turns integer not null default 0, -- since the session began
  tokens integer not null default 0,
  handed_over_at timestamptz,
  started_at timestamptz not null,
  active_at timestamptz not null,
  ended_at timestamptz
);
create index sessions_active on dialog_orchestrator.sessions (active_at desc, session_id);

-- What a customer or staff said in a chat, until a turn answers it.
create table dialog_orchestrator.inputs (
  input_id text collate "C" primary key, -- of the message, or of the press
  session_id text not null,
  kind text not null check (kind in ('text', 'press', 'staff')),
  data text, -- of a press: the token of the option
  at timestamptz not null,
  received_at timestamptz not null default now(),
  turn_id text -- the turn that answered it
);
create index inputs_open on dialog_orchestrator.inputs (session_id, input_id) where turn_id is null;

create table dialog_orchestrator.turns (
  turn_id text primary key,
  session_id text not null,
  seq bigint generated always as identity,
  said jsonb not null,
  reply text,
  reply_by text not null,
  before text not null,
  state text not null,
  intent text,
  model text,
  prompt_hash text,
  steps jsonb not null,
  findings jsonb not null,
  started_at timestamptz not null,
  ms integer not null
);
create index turns_session on dialog_orchestrator.turns (session_id, seq desc);

create table dialog_orchestrator.tool_calls (
  turn_id text not null references dialog_orchestrator.turns on delete cascade,
  step integer not null,
  n integer not null,
  name text not null,
  policy text,
  arguments jsonb,
  hash text not null,
  outcome text not null,
  result jsonb,
  ms integer not null,
  primary key (turn_id, step, n)
);

create table dialog_orchestrator.proposals (
  proposal_id text primary key,
  session_id text not null,
  turn_id text not null,
  seq bigint generated always as identity,
  what text not null check (what in ('create', 'move', 'cancel')),
  row_id text not null, -- of the journal
  method text not null,
  key text not null,
  hash text not null, -- of the input that the customer was shown
  input jsonb not null,
  details jsonb not null, -- service, employee, time and price as shown
  phone text,
  text text not null,
  state text not null check (state in ('open', 'confirmed', 'declined', 'outdated', 'expired', 'done', 'failed', 'unknown')),
  evidence text, -- the customer's act
  told_at timestamptz, -- when the outcome was written to the customer
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index proposals_session on dialog_orchestrator.proposals (session_id, seq desc);
create unique index proposals_key on dialog_orchestrator.proposals (method, key);
create index proposals_phone on dialog_orchestrator.proposals (phone, created_at) where phone is not null;

-- Options under our messages. A press names one by its token.
create table dialog_orchestrator.choices (
  token text primary key,
  session_id text not null,
  turn_id text not null,
  title text not null,
  payload jsonb not null,
  expires_at timestamptz not null
);
create index choices_session on dialog_orchestrator.choices (session_id);
create index choices_expired on dialog_orchestrator.choices (expires_at);
