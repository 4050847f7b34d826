-- The youngest act of a person when the customer asked not to be written to: a message after it may be answered once.
alter table sender.chats add column opted_out_act_id text collate "C";
update sender.chats set opted_out_act_id = last_act_id where opted_out_at is not null;
