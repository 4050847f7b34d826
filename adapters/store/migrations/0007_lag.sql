-- The event that a consumer reads, by which its lag is measured.
alter table journal.cursors add column event text;
update journal.cursors set event = split_part(consumer, '@', 2);
