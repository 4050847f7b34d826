create schema if not exists gateway;

-- Of a key only the digest of its secret is kept.
create table gateway.api_keys (
  key_id text primary key,
  seq bigint generated always as identity unique,
  client text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index on gateway.api_keys (client, seq desc);

-- What was decided, by whose key.
create table gateway.audit (
  seq bigint generated always as identity primary key,
  at timestamptz not null default now(),
  key_id text not null,
  client text not null,
  method text not null,
  target text,
  code text not null,
  reason text,
  request_id text not null
);
create index on gateway.audit (client, seq desc);
create index on gateway.audit (at);
