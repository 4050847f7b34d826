-- People who log in. Only a digest of the password is kept, with its parameters; the secret of the second factor is encrypted.
create table gateway.people (
  person_id text primary key,
  seq bigint generated always as identity unique,
  name text not null,
  role text not null,
  password_hash text,
  -- Set once a code has been given: until then the second factor is not in force.
  second_factor bytea,
  pending_second_factor bytea,
  -- The last accepted time step: a code counts once.
  used_step bigint not null default 0,
  recovery_hashes bytea[] not null default '{}',
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  last_seen_at timestamptz
);

-- An invitation, or a reset: good once.
create table gateway.invitations (
  token_hash bytea primary key,
  person_id text not null references gateway.people on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index on gateway.invitations (person_id);

create table gateway.sessions (
  session_id text primary key,
  seq bigint generated always as identity unique,
  person_id text not null references gateway.people on delete cascade,
  token_hash bytea not null unique,
  address text not null,
  program text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index on gateway.sessions (person_id, seq desc);
create index on gateway.sessions (created_at);

-- A person's users in channels and API keys: one human counts once where two must approve.
create table gateway.person_links (
  kind text not null,
  value text not null,
  person_id text not null references gateway.people on delete cascade,
  created_at timestamptz not null default now(),
  primary key (kind, value)
);
create index on gateway.person_links (person_id);
