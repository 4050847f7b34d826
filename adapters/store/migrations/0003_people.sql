-- Who looks at a proposed row now, and whose approvals it has of how many that it needs.
alter table journal.rows
  add column viewer       text,
  add column viewer_until timestamptz,
  add column approvers    smallint not null default 1 check (approvers between 1 and 2),
  add column approved_by  text[] not null default '{}';
