-- When the channel said whether the chat can be reached; what says so of an earlier time changes nothing.
alter table collector.chats add column reachable_at timestamptz;

-- [{ userId, emojis, at }]: what each person reacts with, and since when; no emojis once it was taken back.
alter table collector.messages add column reactions jsonb not null default '[]';

-- Business accounts that connected a bot of Telegram; the addresses of their chats begin with the connection.
create table collector.connections (
  channel text not null,
  bot_id text not null,
  connection_id text not null,
  owner_external_id text not null,
  is_usable boolean not null, -- enabled, and the bot may answer
  established_at timestamptz not null, -- the same for each change of one connection
  change bigint not null, -- number of the update that said so; the numbers begin anew after a quiet week
  changed_at timestamptz not null default now(),
  primary key (channel, bot_id, connection_id)
);
create index connections_of_owner on collector.connections (channel, bot_id, owner_external_id);

-- A group that speaks as itself is one of its anonymous administrators. Groups of customers have them too: each is a client until staff says otherwise.
update collector.users set role = 'client' where channel = 'telegram' and role = 'admin' and external_id like '-%';
