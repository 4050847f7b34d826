-- Delivery statuses, latest report first: the time of the channel may be much earlier than its report.
alter table collector.message_statuses add column reported_at timestamptz not null default now();
create index message_statuses_by_report on collector.message_statuses (reported_at);
create index messages_sent_as on collector.messages (channel, bot_id, external_id) where direction = 'out';
