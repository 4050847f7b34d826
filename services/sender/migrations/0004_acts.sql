-- The youngest act of a person in a chat, and the youngest one that a draft was written with knowledge of.
alter table sender.chats add column last_act_id text collate "C";
update sender.chats set last_act_id = last_inbound_id;
alter table sender.deliveries add column knows text collate "C";
update sender.deliveries set knows = answers;
