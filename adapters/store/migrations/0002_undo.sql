-- How long after its approval no attempt of a row begins: until then the approval can be taken back.
alter table journal.rows add column undo_ms integer not null default 0 check (undo_ms >= 0);
