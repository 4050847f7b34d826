-- A row that needed approval and whose outcome is unknown waits for a person as well: that it came into review, and how it left, is emitted too.
drop trigger approval_changed on journal.rows;
create trigger approval_changed after update of state, audit on journal.rows for each row
  when (new.approval <> 'none'
    and (old.state is distinct from new.state or old.audit is distinct from new.audit)
    and (old.state in ('proposed', 'review') or new.state in ('proposed', 'review', 'rejected', 'expired', 'stale', 'cancelled', 'failed')))
  execute function journal.approval_changed();
