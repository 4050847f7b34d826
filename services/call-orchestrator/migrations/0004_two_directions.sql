-- Inbound calls, calls without a lead or with a withheld number, and how a call ended.
alter table call_orchestrator.calls
  add direction text not null default 'out' check (direction in ('in', 'out')),
  add line text, -- the number of this system
  add answered_by text,
  add ended_by text,
  add hang_up_cause text,
  add q850 smallint,
  add recording_id text,
  add transferred_to text,
  alter key drop not null, -- an inbound call has none
  alter lead_id drop not null,
  alter phone_number drop not null,
  drop constraint calls_state_check,
  add constraint calls_state_check check (state in ('queued', 'ringing', 'early', 'answered', 'held', 'transferring', 'ended'));
alter table call_orchestrator.calls add check (direction = 'in' or (key is not null and lead_id is not null and phone_number is not null));

-- One active outbound call a phone. A customer may call while they are called.
drop index call_orchestrator.calls_active;
create unique index calls_active on call_orchestrator.calls (phone_number) where state <> 'ended' and direction = 'out';
create index calls_in_progress on call_orchestrator.calls (created_at) where state <> 'ended';

-- A call that was cancelled by this system needs nobody; one that the customer gave up does.
alter table call_orchestrator.calls drop attention; -- with its indexes
alter table call_orchestrator.calls add attention smallint not null generated always as (
  case
    when state in ('queued', 'ringing', 'early') then 1
    when state <> 'ended' or outcome = 'answered' or followed_at is not null then 0
    when outcome = 'cancelled' and direction = 'out' then 0
    when outcome in ('failed', 'unknown') then 3
    else 2
  end) stored;
create index calls_by_attention on call_orchestrator.calls (attention desc, seq desc);
create index calls_of_outcome on call_orchestrator.calls (outcome, attention desc, seq desc);
create index calls_seen_by_attention on call_orchestrator.calls (seen_by, attention desc, seq desc);
create index calls_seen_of_outcome on call_orchestrator.calls (seen_by, outcome, attention desc, seq desc);
