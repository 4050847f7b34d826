-- Lists of leads: all, by status, by phone, by the beginning of a name.
create index leads_by_time on crm_connector.leads (created_at desc, lead_id desc);
create index leads_of_status on crm_connector.leads (status, created_at desc, lead_id desc);
create index leads_of_phone on crm_connector.leads (phone);
create index leads_of_contact on crm_connector.leads (contact_id);
create index leads_by_first_name on crm_connector.leads (translate(lower(first_name), 'ё', 'е') text_pattern_ops);
create index leads_by_last_name on crm_connector.leads (translate(lower(last_name), 'ё', 'е') text_pattern_ops);
