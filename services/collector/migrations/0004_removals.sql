-- When the message was withdrawn, by its writer or in their name.
alter table collector.messages add column removed_at timestamptz;
