-- The act by which the customer confirmed a row: { who, evidence, at }. Null before it, and where the row does not need it.
alter table journal.rows add column confirmed jsonb;
