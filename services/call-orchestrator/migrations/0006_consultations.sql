-- Attended transfers: a person is called about a customer who waits with music.
create table call_orchestrator.consultations (
  consultation_id text primary key, -- also the key of the dial
  call_id text not null,
  callee text not null,
  summary text, -- until it is settled
  leg_id text, -- of the person
  created_at timestamptz not null,
  attended_at timestamptz, -- the person answered
  outcome text check (outcome in ('taken', 'failed')),
  decided_at timestamptz,
  settled_at timestamptz, -- the customer is connected, or hears no more music
  hung_up_at timestamptz, -- a person who did not take the call
  check ((outcome is null) = (decided_at is null) and (settled_at is null or outcome is not null))
);
create unique index consultations_of_call on call_orchestrator.consultations (call_id) where settled_at is null;
create index consultations_to_hang_up on call_orchestrator.consultations (created_at)
  where outcome = 'failed' and hung_up_at is null and leg_id is not null;
