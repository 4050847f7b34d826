-- Who handles the events after a cursor, until when, and how many holders in a row died or stalled there.
-- `one_by_one`: how many events yet are handled alone, so that the one that takes its process with it is found.
alter table journal.cursors
  add column token       text,
  add column lease_until timestamptz,
  add column takeovers   smallint not null default 0 check (takeovers >= 0),
  add column one_by_one  smallint not null default 0 check (one_by_one >= 0),
  add column error       text;
-- Holders in a row that died or stalled in a turn of the loop.
alter table journal.loops add column takeovers smallint not null default 0 check (takeovers >= 0);
