-- One person in two systems: the client of a booking connection is the contact of the primary CRM.
create table crm_connector.links (
  connection text not null,                 -- of the booking system
  client_id  text not null,
  contact_id text not null,                 -- of the primary CRM
  differs    jsonb not null default '[]',   -- fields with the values of both sides
  checked_at timestamptz not null default now(),
  primary key (connection, client_id)
);
create index links_contact on crm_connector.links (contact_id);
