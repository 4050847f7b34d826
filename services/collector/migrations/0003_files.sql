-- Files of messages. The row outlives its message until its blob is removed.
create table collector.files (
  message_id text not null,
  n int not null, -- from 0
  channel text not null,
  bot_id text not null,
  file_id text not null, -- of the channel
  kind text not null,
  name text,
  content_type text not null,
  bytes bigint,
  duration_ms bigint,
  state text not null default 'wanted' check (state in ('wanted', 'kept', 'gone', 'doomed')), -- gone: cannot be had; doomed: to be removed
  blob_id text,
  attempts int not null default 0,
  next_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (message_id, n)
);
create index files_due on collector.files (next_at) where state in ('wanted', 'doomed');
create index files_by_time on collector.files (created_at) where state in ('kept', 'gone');
