-- With the owner itself in the index, dead letters of a manager are counted without a look at the rows.
drop index journal.rows_of_owner_failed;
create index rows_of_owner_failed on journal.rows (coalesce(owner, ''), reason, state, mode, created_at, seq, method) include (owner) where input->>'chatId' is not null and reason is not null;
