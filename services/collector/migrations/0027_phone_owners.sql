-- Customers whose phone, or whose people in charge, may have changed. Each change of either adds a row here, whatever makes it; a loop reports
-- them to the services that know phones and no chats. Rows are only added and deleted, so that no transaction waits for another.
create table collector.changed_customers (
  id bigint generated always as identity primary key,
  customer_id text not null
);
-- Customers who were last reported with a phone: once they have none, or nobody is in charge, that is reported too.
create table collector.reported_customers (customer_id text primary key);

create function collector.note_customer() returns trigger language plpgsql as $$ begin
  insert into collector.changed_customers (customer_id) values (coalesce(new.user_id, old.user_id));
  return null;
end $$;
create trigger customer_changed after update of phone_number, role on collector.users for each row
  when (old.phone_number is distinct from new.phone_number or old.role <> new.role) execute function collector.note_customer();
create trigger customer_gone after delete on collector.users for each row
  when (old.phone_number is not null) execute function collector.note_customer();
create trigger member_changed after insert or delete on collector.chat_members for each row execute function collector.note_customer();

create function collector.note_members() returns trigger language plpgsql as $$ begin
  insert into collector.changed_customers (customer_id) select user_id from collector.chat_members where chat_id = new.chat_id;
  return null;
end $$;
create trigger chat_assigned after update of assigned_to on collector.chats for each row
  when (old.assigned_to is distinct from new.assigned_to) execute function collector.note_members();

-- Assignments from before are reported as well.
insert into collector.changed_customers (customer_id)
  select distinct user_id from collector.chat_members join collector.chats using (chat_id) where assigned_to is not null;
