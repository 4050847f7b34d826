-- What a message carries beside its words: a list of typed parts, as contracts/content.ts has them.
alter table collector.messages add column content jsonb not null default '[]';
