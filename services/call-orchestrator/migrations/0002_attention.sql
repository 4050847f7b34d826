-- When the phone was called again.
alter table call_orchestrator.calls add followed_at timestamptz;
update call_orchestrator.calls earlier set followed_at = (
  select min(later.created_at) from call_orchestrator.calls later
  where later.phone_number = earlier.phone_number and later.seq > earlier.seq);

-- What a person looks at first: 3 failed or unknown, 2 not answered, 1 waiting for an answer, 0 the others.
alter table call_orchestrator.calls add attention smallint not null generated always as (
  case
    when state in ('queued', 'ringing') then 1
    when state = 'answered' or outcome = 'answered' or followed_at is not null then 0
    when outcome in ('failed', 'unknown') then 3
    else 2
  end) stored;
create index calls_by_attention on call_orchestrator.calls (attention desc, seq desc);
create index calls_of_state on call_orchestrator.calls (state, seq desc);
create index calls_of_outcome on call_orchestrator.calls (outcome, attention desc, seq desc);
