-- Where the messages of a chat go, as the inbox had it when something was last written to it; drafts do not decide it.
alter table sender.chats add column route jsonb;
insert into sender.chats as chat (chat_id, route)
select distinct on (input->>'chatId') input->>'chatId', jsonb_build_object('channel', input->'channel', 'botId', input->'botId', 'to', input->'to', 'isGroup', input->'isGroup')
from journal.rows where method = 'messages.deliver' and state in ('proposed', 'queued', 'attempting', 'unknown', 'review') and input->>'to' is not null
order by input->>'chatId', seq desc
on conflict (chat_id) do update set route = excluded.route;
