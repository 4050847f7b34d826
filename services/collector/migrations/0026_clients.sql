-- Customers by phone, and by a part of the name, the user name or the digits of the phone. One index, since each message changes its author's row.
create index users_by_phone on collector.users (phone_number) where phone_number is not null;
create function collector.found_by(name text, username text, phone_number text) returns text language sql immutable parallel safe
  as $$ select collector.fold(name || ' ' || coalesce(username, '') || ' ' || regexp_replace(coalesce(phone_number, ''), '\D', '', 'g')) $$;
-- Without a list of pending entries, which every search would read.
create index users_found_by on collector.users using gin (collector.found_by(name, username, phone_number) gin_trgm_ops) with (fastupdate = off);
