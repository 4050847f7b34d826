create schema if not exists webhooks;

create table webhooks.subscriptions (
  subscription_id text primary key,
  client text not null,
  name text not null,
  url text not null,
  events text[] not null,
  secret text not null,
  former_secret text,
  former_until timestamptz,
  is_enabled boolean not null default true,
  failing_since timestamptz, -- nothing was taken since
  last_error text,
  last_delivered_at timestamptz,
  head_event_id text, -- the event that failed last, which those behind it wait for
  head_since timestamptz, -- its first failure
  created_at timestamptz not null default now(),
  unique (client, name)
);

-- What was sent to somebody, to be delivered again. Personal data in the payload is masked.
create table webhooks.events (
  event_id text primary key,
  event text not null,
  at timestamptz not null default now(),
  payload jsonb not null
);
create index events_by_time on webhooks.events (at, event_id);
