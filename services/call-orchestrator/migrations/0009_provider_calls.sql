-- Calls that a provider of speech models takes over SIP are calls like the others. The provider has their audio.
alter table call_orchestrator.calls add provider text;
alter table call_orchestrator.speech_calls add call_id text references call_orchestrator.calls; -- null for a call that was refused
-- Of calls that wait while this is applied.
insert into call_orchestrator.calls (call_id, direction, phone_number, line, state, provider, created_at, ringing_at)
  select 'call_' || md5(ref), 'in', substring(phone_number from '^\+[1-9]\d{6,14}$'), nullif(left(line, 64), ''), 'ringing', 'openai', received_at, received_at
  from call_orchestrator.speech_calls where state in ('waiting', 'answering');
update call_orchestrator.speech_calls set call_id = 'call_' || md5(ref) where state in ('waiting', 'answering');

-- taken_at is renewed while an instance is attached to the session of the call.
drop index call_orchestrator.speech_calls_open;
create index speech_calls_open on call_orchestrator.speech_calls (received_at) where state in ('waiting', 'answering', 'answered');
create index speech_calls_of_call on call_orchestrator.speech_calls (call_id);
