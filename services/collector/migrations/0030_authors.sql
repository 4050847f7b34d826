-- Of a message of the business: who wrote it, and who of the staff approved it, as the journal has them.
alter table collector.messages add column written_by text;
alter table collector.messages add column approved_by text[] not null default '{}';
