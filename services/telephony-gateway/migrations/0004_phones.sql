-- Calls of people in a browser.
alter table telephony_gateway.legs add column hang_up_cause text;
create index legs_of_callers on telephony_gateway.legs (from_number) where from_number like 'person:%';
create index legs_of_callees on telephony_gateway.legs (to_number) where to_number like 'person:%';

-- People who have a page of the desk open.
create table telephony_gateway.phone_pages (
  person_id text primary key,
  seen_at timestamptz not null
);
