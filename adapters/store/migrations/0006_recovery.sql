-- Recovery that counts. Rows: holders in a row that died or stalled with the row; an attempt that ends sets it to 0.
alter table journal.rows add column takeovers smallint not null default 0 check (takeovers >= 0);
