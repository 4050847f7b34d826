-- Whoever shows people what waits for them hears of each change of it, told in the transaction that makes it.
create function journal.approval_changed() returns trigger language plpgsql as $$
begin
  insert into journal.events (event, key, payload, traceparent)
  values ('journal.approval_changed', new.id, jsonb_build_object('rowId', new.id, 'method', new.method, 'state', new.state,
    'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), new.traceparent);
  return null;
end $$;
create trigger approval_asked after insert on journal.rows for each row
  when (new.state = 'proposed')
  execute function journal.approval_changed();
-- What people do stands in the audit: an edit, the first of two approvals.
create trigger approval_changed after update of state, audit on journal.rows for each row
  when (new.approval <> 'none'
    and (old.state is distinct from new.state or old.audit is distinct from new.audit)
    and (old.state = 'proposed' or new.state in ('proposed', 'rejected', 'expired', 'stale', 'cancelled', 'failed')))
  execute function journal.approval_changed();
