-- Records that a provider says have changed, until they were read again. One row a record: deliveries may repeat and overtake each other.
create table crm_connector.incoming (
  kind       text not null check (kind in ('crm', 'booking')),
  connection text not null,
  entity     text not null check (entity in ('contact', 'lead', 'deal', 'task', 'appointment')),
  record_id  text not null,
  change     text not null check (change in ('created', 'updated', 'deleted')),
  deliveries integer not null default 1,
  due_at     timestamptz not null,
  tries      integer not null default 0,
  primary key (kind, connection, entity, record_id)
);
create index incoming_due on crm_connector.incoming (due_at);

-- The last known state of records at providers, by which a change is recognised, and one of our own is not reported as news.
create table crm_connector.known (
  kind        text not null check (kind in ('crm', 'booking')),
  connection  text not null,
  entity      text not null,
  record_id   text not null,
  state       jsonb not null,
  -- Of an appointment, so that a deleted one is missed.
  starts_at   timestamptz,
  is_over     boolean not null default false,
  -- When this system last wrote the record.
  written_at  timestamptz,
  seen_at     timestamptz not null default now(),
  primary key (kind, connection, entity, record_id)
);
create index known_coming on crm_connector.known (connection, starts_at) where kind = 'booking' and not is_over;

-- Connections whose records have been listed once: what was there before is no news.
create table crm_connector.baselines (
  kind       text not null,
  connection text not null,
  since      timestamptz not null default now(),
  primary key (kind, connection)
);
