-- Users in channels and API keys of people, as people.person_linked reports: one human counts once where two must approve.
create table journal.person_links (
  kind      text not null,
  value     text not null,
  person_id text not null,
  primary key (kind, value)
);
