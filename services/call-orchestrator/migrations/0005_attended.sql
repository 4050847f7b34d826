-- When an instance began to speak on the call.
alter table call_orchestrator.calls add attended_at timestamptz;
