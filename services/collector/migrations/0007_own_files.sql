-- A file that a message of ours carried: file_id is the blob that was sent, and the row keeps a copy of its own, since one blob may go to several chats.
alter table collector.files add column is_own boolean not null default false;
