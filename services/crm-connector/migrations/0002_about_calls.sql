-- A call may belong to a lead, a contact or a deal, as a task or a note. Rows of processes that do not know this yet have a lead only.
alter table crm_connector.calls add column about_kind text not null default 'lead' check (about_kind in ('lead', 'contact', 'deal'));
alter table crm_connector.calls add column about_id text;
alter table crm_connector.calls alter column lead_id drop not null;
update crm_connector.calls set about_id = lead_id;
create index calls_about on crm_connector.calls (about_id);
