-- When the latest attempt began; null before the first.
alter table journal.rows add column attempted_at timestamptz;
