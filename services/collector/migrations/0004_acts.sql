-- The youngest message of a person, or change of one: ids of both come from one sequence and sort by the order of storing.
alter table collector.chats add column last_act_id text collate "C";
