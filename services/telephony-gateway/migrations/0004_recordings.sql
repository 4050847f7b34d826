-- Recordings of legs. While a leg lives its recording is a file of its holder; afterwards it is a blob with the id of the recording.
create table telephony_gateway.recordings (
  recording_id text primary key,
  leg_id text not null,
  file text not null, -- on the machine of the holder
  started_at timestamptz not null default now(),
  closed_at timestamptz, -- nothing more is written
  stored_at timestamptz, -- it is a blob
  lost_at timestamptz, -- the file is gone
  bytes bigint check ((bytes is null) = (stored_at is null))
);
create index recordings_open on telephony_gateway.recordings (started_at) where stored_at is null and lost_at is null;
create index recordings_stored on telephony_gateway.recordings (stored_at) where stored_at is not null;
