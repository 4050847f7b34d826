-- Dead letters by age: they are listed and counted without a look at the failed calls, of which there may be many more.
create index rows_dead on journal.rows (seq) include (method, created_at) where state in ('failed', 'expired') and mode in ('send', 'run', 'event');
