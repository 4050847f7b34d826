-- What was said in calls by the customer and the agent.
create table call_orchestrator.transcript_entries (
  call_id text not null references call_orchestrator.calls,
  n integer not null,
  who text not null check (who in ('customer', 'agent')),
  text text not null,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  is_interrupted boolean not null,
  waterfall jsonb, -- of the first sentence of an answer: Unix ms by stage
  primary key (call_id, n)
);
create index transcript_entries_by_age on call_orchestrator.transcript_entries (started_at);
