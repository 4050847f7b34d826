-- How sure the classifier was of the intent; both are null until a message is judged.
alter table collector.messages add column is_certain boolean, add column confidence float8;
