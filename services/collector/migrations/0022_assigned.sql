-- Who of the staff is in charge of a chat; null: nobody. A merged chat has that of the chat it was merged into.
alter table collector.chats add column assigned_to text;
