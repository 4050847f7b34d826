-- The order in which messages became visible. The number of a message (messages.seq) is drawn before its transaction commits, so numbers become
-- visible out of order. A position is given to committed messages only, by one transaction at a time: after reading up to a position, nothing
-- below it can appear.
create table collector.feed (
  position bigint primary key,
  seq bigint not null, -- messages.seq; the message may be gone
  stored_at timestamptz not null -- never falls while positions rise
);
create index feed_by_time on collector.feed (stored_at, position);

-- Messages without a position.
create table collector.feed_pending (seq bigint primary key)
  with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table collector.feed_head (
  is_one boolean primary key default true check (is_one),
  position bigint not null, -- the highest one
  stored_at timestamptz not null,
  epoch text not null, -- positions of two epochs cannot be compared
  origin text not null
);

-- Identifies this very copy of the data: another value after a restore, in another cluster, and after a replica or a point in time took over.
create function collector.feed_origin() returns text language sql stable as $$
  select concat_ws('.',
    (select system_identifier from pg_control_system()),
    left(pg_walfile_name(pg_current_wal_lsn()), 8), -- the timeline
    (select oid from pg_database where datname = current_database()),
    'collector.feed_head'::regclass::oid)
$$;
create function collector.new_feed_epoch() returns text language sql volatile as $$ select left(gen_random_uuid()::text, 8) $$;

insert into collector.feed (position, seq, stored_at)
  select row_number() over (order by seq), seq, max(received_at) over (order by seq) from collector.messages;
insert into collector.feed_head (position, stored_at, epoch, origin)
  select count(*), coalesce(max(stored_at), now()), collector.new_feed_epoch(), collector.feed_origin() from collector.feed;

-- Gives positions to at most so many pending messages, and returns to how many.
create function collector.number_feed(most int) returns int language plpgsql as $$
declare
  head collector.feed_head;
  origin_now text;
  at timestamptz;
  given int;
begin
  if not exists (select from collector.feed_pending) then return 0; end if;
  -- One at a time: the next transaction waits here until this one has committed.
  select * into head from collector.feed_head for update;
  at := greatest(clock_timestamp(), head.stored_at);
  origin_now := collector.feed_origin();
  with taken as (
    delete from collector.feed_pending where seq in (select seq from collector.feed_pending order by seq limit most) returning seq
  )
  insert into collector.feed (position, seq, stored_at) select head.position + row_number() over (order by seq), seq, at from taken;
  get diagnostics given = row_count;
  update collector.feed_head set
    position = head.position + given,
    stored_at = at,
    epoch = case when head.origin = origin_now then head.epoch else collector.new_feed_epoch() end,
    origin = origin_now;
  return given;
end $$;
