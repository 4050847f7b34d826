-- Services that have responded, by folder, so that a gateway that starts knows what should be there. `seen_at` is updated at most once a minute.
create table gateway.services (
  service text primary key,
  seen_at timestamptz not null default now()
);
