-- Ids sort and are found by their beginnings the same in every database, whatever its collation.
alter table journal.rows alter column id type text collate "C";

-- Lists: the youngest rows of one state and mode, of one method or of all.
create index rows_listed    on journal.rows (state, mode, created_at, seq)         where state <> 'attempting';
create index rows_of_method on journal.rows (method, state, mode, created_at, seq) where state <> 'attempting';
create index rows_reason    on journal.rows ((error->>'reason'), created_at, seq)  where error is not null;
create index rows_code      on journal.rows ((error->>'code'), created_at, seq)    where error is not null;
drop index journal.rows_runs;

-- What must not begin any more.
create index rows_expiring  on journal.rows (method, not_after) where not_after is not null and state in ('proposed', 'queued', 'waiting');

-- A lane: who is under way in it, and who waits.
create index rows_lane_busy  on journal.rows (lane, seq) where lane is not null and state in ('attempting', 'unknown', 'review');
create index rows_lane_queue on journal.rows (lane, seq) where lane is not null and state = 'queued';
drop index journal.rows_lane;

-- The last time of a job that a process took.
alter table journal.loops add column last_due_at timestamptz;

-- Retention: what is to be blanked, and what is blanked already.
create index rows_to_blank on journal.rows (ended_at) where not blanked and ended_at is not null;
create index rows_blanked  on journal.rows (ended_at) where blanked and ended_at is not null;
drop index journal.rows_ended;

-- Rows that are tried one at a time, among all that are due.
create index rows_suspect on journal.rows (method, not_before) where state = 'queued' and takeovers >= 2;
