-- Legs with a holder. A row is written before anything is sent to the phone, so that another process can end the leg if the holder dies.
create table telephony_gateway.legs (
  leg_id text primary key,
  call_id text not null,
  ref text not null unique, -- of the effect that dialled it: a second use of it dials nothing
  direction text not null check (direction in ('in', 'out')),
  from_number text,
  to_number text,
  state text not null default 'new', -- new, or that of the last stored change
  holder text not null, -- the instance
  heartbeat timestamptz not null default now(),
  dialog jsonb, -- what the vendor needs to end the leg without its holder
  recording_id text,
  created_at timestamptz not null default now(),
  answered_at timestamptz,
  ended_at timestamptz
);
create index legs_held on telephony_gateway.legs (heartbeat) where ended_at is null;
create index legs_ended on telephony_gateway.legs (ended_at) where ended_at is not null;
