-- OAuth tokens of connections. `sealed` is encrypted with the key of this installation; nothing else here is secret.
create table crm_connector.tokens (
  connection   text not null,
  vendor       text not null,
  account      jsonb not null default '{}',   -- what the provider says of the account: its host, its id
  sealed       bytea not null,
  version      bigint not null default 1,     -- rises with each new pair of tokens
  issued_at    timestamptz not null,
  expires_at   timestamptz not null,
  state        text not null default 'ok' check (state in ('ok', 'needs_reauthorisation', 'blocked')),
  held_until   timestamptz,                   -- no refresh before this time, because of `problem`
  problem      jsonb,
  locked_by    text,                          -- one refresh at a time; the lock ends by itself
  locked_until timestamptz,
  updated_at   timestamptz not null default now(),
  primary key (connection, vendor)
);
