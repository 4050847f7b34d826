-- Connections that a person has paused.
create table crm_connector.paused (
  kind       text not null check (kind in ('crm', 'booking')),
  connection text not null,
  reason     text,
  by_whom    text not null,
  since      timestamptz not null default now(),
  primary key (kind, connection)
);
