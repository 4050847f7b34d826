create schema if not exists sender;

create table sender.chats (
  chat_id text primary key,
  last_inbound_id text collate "C", -- ids sort by the time at which the message was stored
  last_inbound_at timestamptz,
  blocked_at timestamptz -- the customer shut us out; until they write again
);

create table sender.deliveries (
  id text primary key, -- of the journal's row
  key text not null unique, -- of the send_message row and of the deliver row that it sent
  channel text not null,
  chat_id text not null,
  bot_id text not null,
  answers text collate "C",
  status text not null default 'queued' check (status in ('queued', 'sent', 'delivered', 'read', 'played', 'failed')),
  reason text,
  external_id text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);
create index deliveries_open on sender.deliveries (chat_id) where status = 'queued';
create index deliveries_by_external_id on sender.deliveries (channel, bot_id, external_id) where external_id is not null;
create index deliveries_by_age on sender.deliveries (created_at);

-- What a channel told of a message before we knew that it was ours.
create table sender.early_statuses (
  channel text not null,
  bot_id text not null,
  external_id text not null,
  status text not null,
  reason text,
  at timestamptz not null,
  primary key (channel, bot_id, external_id)
);
create index early_statuses_by_age on sender.early_statuses (at);

-- 0 for queued, then upwards: a delivery only ever climbs.
create function sender.rank(of text) returns integer language sql immutable
  as $$ select array_position(array['queued', 'sent', 'delivered', 'read', 'played', 'failed'], of) - 1 $$;
