create schema if not exists telephony_gateway;

-- Legs of the built-in simulator. A row is the whole plan of a call; its state follows from the clock.
create table telephony_gateway.simulated_legs (
  leg_id text primary key,
  ref text not null unique, -- the caller's reference: a second use of it places nothing
  call_id text not null,
  phone_number text not null,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz not null,
  outcome text not null,
  transferred_to text,
  told smallint not null default 0, -- the last change that was taken: 0 none, 1 ringing, 2 answered, 3 ended
  next_at timestamptz -- when the next change is due; null when all were taken
);
create index simulated_legs_next_at on telephony_gateway.simulated_legs (next_at) where next_at is not null;
