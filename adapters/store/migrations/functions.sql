-- The journal's functions. `migrate` applies this file whenever its content changes, after the numbered files;
-- a changed signature needs `drop function if exists` of the former one first.

-- In plpgsql, because that keeps its plan for the session; a function in sql with a subquery is planned in each transaction.
create or replace function journal.is_paused(of text) returns boolean language plpgsql stable as $$
begin
  return exists (select from journal.pauses where method in ('*', of) or (right(method, 1) = '*' and starts_with(of, left(method, -1))));
end $$;

-- Wakes those that wait for the end of a row, or for its return to its retrier: its run, and listeners of <method>_settled.
create or replace function journal.row_moved() returns trigger language plpgsql as $$
begin
  if new.parent is not null then
    update journal.rows set state = 'queued', not_before = now(), updated_at = now() where id = new.parent and state = 'waiting';
  end if;
  -- A call is announced too if its caller has no outcome: callers get their reply a moment before their deadline.
  if new.settles and new.ended_at is not null and old.ended_at is null
     and (new.mode = 'send' or (new.mode = 'call' and (old.state in ('unknown', 'review') or new.not_after - interval '250 ms' < clock_timestamp()))) then
    insert into journal.events (event, key, payload, traceparent)
    values (new.method || '_settled', new.key, jsonb_build_object('key', new.key, 'state', new.state, 'output', new.output, 'reason', left(coalesce(new.error->>'reason', new.error->>'code'), 64)), new.traceparent);
  end if;
  return null;
end $$;
-- True when no other row of the lane is running and no older one waits. The caller holds the lane's advisory lock.
create or replace function journal.lane_is_free(of_lane text, of_seq bigint) returns boolean language plpgsql volatile as $$
begin
  return not exists (select from journal.rows where lane = of_lane and state in ('attempting', 'unknown', 'review') and seq is distinct from of_seq)
    and not exists (select from journal.rows where lane = of_lane and state = 'queued' and seq < coalesce(of_seq, 9223372036854775807));
end $$;

-- Bounded recovery. `takeovers` counts the consecutive holders of a row that died or stalled.
-- The first takeover is immediate and together with others: a killed process leaves mostly harmless rows, which must not wait.
-- A row that loses a second holder is a suspect. It waits one lease longer before each further attempt, and a process holds one suspect at a time:
-- a harmless row beside a harmful one is then attempted apart from it and ends. So a row reaches the limit only if two more holders are lost
-- while it is their only suspect.
create or replace function journal.max_takeovers() returns integer language sql immutable as $$ select 3 $$;

-- True when a row whose lease ran out may be taken over now.
create or replace function journal.may_be_taken_over(it journal.rows, lease_ms integer) returns boolean language sql volatile as $$
  select it.takeovers < journal.max_takeovers() and it.lease_until + make_interval(secs => it.takeovers * lease_ms / 1000.0) < clock_timestamp()
$$;

-- True when the next attempt is that of a suspect.
create or replace function journal.is_suspect(it journal.rows) returns boolean language sql immutable as $$
  select it.takeovers + (it.state = 'attempting')::integer >= 2
$$;

-- True when this process holds no suspect: no row, no consumer and no loop. The lock makes a second transaction of the process wait
-- until this one commits. A consumer's token begins with its holder.
create or replace function journal.may_hold_suspect(of_holder text) returns boolean language sql volatile as $$
  select pg_try_advisory_xact_lock(hashtextextended('journal.suspect ' || of_holder, 0))
    and not exists (select from journal.rows where state = 'attempting' and lease_until > clock_timestamp() and held_by = of_holder and takeovers >= 2)
    and not exists (select from journal.cursors where lease_until > clock_timestamp() and takeovers >= 2 and starts_with(token, of_holder || ' '))
    and not exists (select from journal.loops where lease_until > clock_timestamp() and takeovers >= 2 and held_by = of_holder)
$$;

-- The log of a row whose holder is gone, with a line about it.
create or replace function journal.log_holder_gone(it journal.rows) returns jsonb language sql stable as $$
  select (case when jsonb_array_length(it.log) >= 100 then it.log - 1 else it.log end) || jsonb_build_array(jsonb_build_object(
    'at', now(), 'by', it.held_by, 'ms', null, 'code', 'unknown', 'reason', 'holder_gone', 'evidence', null,
    'message', 'The process that tried died or stalled' || case when it.on_unknown = 'function' then '.' else '; whether the attempt went out is not known.' end))
$$;

-- Next state of a row whose lease ran out and that is not taken over: an effect is unknown, a function at its limit is a dead letter.
-- A call at its limit has no caller: from then on the journal retries it.
create or replace function journal.lapse(it journal.rows) returns journal.rows language plpgsql as $$
declare
  gone jsonb := jsonb_build_object('code', 'internal', 'reason', 'holder_gone', 'outcome', 'unknown',
    'detail', 'Each process that tried it died or stalled, ' || it.takeovers + 1 || ' in a row; it is not tried again until a person says so.');
begin
  if it.on_unknown <> 'function' then
    update journal.rows set token = null, takeovers = takeovers + 1, settle_at = lease_until + make_interval(secs => settle_ms / 1000.0), updated_at = now(),
      state = case when takeovers < journal.max_takeovers() then 'unknown' else 'review' end,
      error = case when takeovers < journal.max_takeovers() then error else gone end, log = journal.log_holder_gone(it)
      where id = it.id returning * into it;
  elsif it.takeovers >= journal.max_takeovers() then
    update journal.rows set state = 'failed', mode = case when mode = 'call' then 'send' else mode end, token = null, lease_until = null,
      ended_at = now(), updated_at = now(), error = gone, log = journal.log_holder_gone(it)
      where id = it.id returning * into it;
  end if;
  return it;
end $$;

-- For a call: creates the row and acquires its attempt in one statement, or returns why not.
-- Returns one of taken, settled, clash, busy, lane, later, paused, late, lost, proposed, with the current row.
-- `of_parent` and later parameters: the step of a run, whose row is created here if the caller holds the run.
-- `relaxed`: the commit does not wait for the disk (docs/decisions/0008-relaxed-takes.md).
drop function if exists journal.take(text, text, text, text, text, jsonb, text, text, text, integer, timestamptz, timestamptz, text, text, text, text, integer, boolean);
create or replace function journal.take(
  of_id text, of_method text, of_key text, of_hash text, of_mode text, of_input jsonb, of_lane text, of_approval text, of_on_unknown text, of_settle_ms integer,
  of_not_after timestamptz, of_deadline timestamptz, of_caller text, of_traceparent text, of_token text, of_holder text, lease_ms integer, of_settles boolean,
  of_parent text default null, of_run_token text default null, of_step text default null, of_edition integer default 1, relaxed boolean default false
) returns table (did text, found jsonb) language plpgsql as $$
declare
  it journal.rows;
  -- False while another transaction holds the row or its lane: it returns at once, so that no batch waits for one row.
  is_mine boolean;
begin
  if clock_timestamp() > of_deadline then
    return query select 'late'::text, null::jsonb;
    return;
  end if;
  if relaxed then
    perform set_config('synchronous_commit', 'off', true);
  end if;
  is_mine := of_lane is null or pg_try_advisory_xact_lock(hashtextextended(of_lane, 0));
  if is_mine then
    select * into it from journal.rows where method = of_method and key = of_key for update skip locked;
    is_mine := found;
  end if;
  if not is_mine then
    select * into it from journal.rows where method = of_method and key = of_key;
  end if;
  if it.id is null then
    if of_parent is not null and not exists (select from journal.rows where id = of_parent and token = of_run_token and state = 'attempting') then
      return query select 'lost'::text, null::jsonb;
      return;
    end if;
    if of_approval = 'none' and journal.is_paused(of_method) then
      return query select 'paused'::text, null::jsonb;
      return;
    end if;
    if of_approval = 'none' and of_lane is not null and not (pg_try_advisory_xact_lock(hashtextextended(of_lane, 0)) and journal.lane_is_free(of_lane, null)) then
      return query select 'lane'::text, null::jsonb;
      return;
    end if;
    -- No caller waits for a row that needs approval: from then on the journal retries it.
    insert into journal.rows as r (id, method, key, mode, state, hash, input, lane, approval, on_unknown, settle_ms, settles, not_after, caller, traceparent, ref,
                              parent, step, edition, token, held_by, lease_until, attempts, started_at, attempted_at)
    values (of_id, of_method, of_key, case when of_approval = 'none' or of_mode in ('run', 'step') then of_mode else 'send' end, case when of_approval = 'none' then 'attempting' else 'proposed' end, of_hash, of_input, of_lane, of_approval,
            of_on_unknown, of_settle_ms, of_settles, of_not_after, of_caller, of_traceparent, of_id, of_parent, of_step, of_edition,
            case when of_approval = 'none' then of_token end, case when of_approval = 'none' then of_holder end,
            case when of_approval = 'none' then clock_timestamp() + make_interval(secs => lease_ms / 1000.0) end,
            case when of_approval = 'none' then 1 else 0 end, case when of_approval = 'none' then now() end, case when of_approval = 'none' then clock_timestamp() end)
    on conflict (method, key) do nothing returning * into it;
    if found then
      return query select case when of_approval = 'none' then 'taken' else 'proposed' end, case when of_mode = 'run' then to_jsonb(it) else jsonb_build_object('id', it.id, 'ref', it.ref) end;
      return;
    end if;
    select * into it from journal.rows where method = of_method and key = of_key;
  end if;
  if it.mode <> 'step' and it.hash <> of_hash then
    return query select 'clash'::text, jsonb_build_object('id', it.id);
    return;
  end if;
  if not is_mine then
    return query select case when it.state in ('attempting', 'queued', 'failed') then 'busy' else 'settled' end, to_jsonb(it);
    return;
  end if;
  if it.state = 'attempting' and it.lease_until < clock_timestamp() then
    it := journal.lapse(it);
  end if;
  if (it.state = 'attempting' and it.lease_until < clock_timestamp())
     or (it.state = 'failed' and (it.error->>'outcome' = 'not_executed' or (it.on_unknown = 'function' and it.error->>'reason' is distinct from 'holder_gone')) and it.mode in ('call', 'step'))
     or (it.state = 'queued' and it.mode in ('call', 'step')) then
    if journal.is_paused(of_method) then
      return query select 'paused'::text, to_jsonb(it);
    elsif it.not_before > clock_timestamp() or (it.state = 'attempting' and not journal.may_be_taken_over(it, lease_ms))
       or (journal.is_suspect(it) and not journal.may_hold_suspect(of_holder)) then
      return query select 'later'::text, to_jsonb(it);
    elsif it.lane is not null and not journal.lane_is_free(it.lane, it.seq) then
      return query select 'lane'::text, to_jsonb(it);
    else
      update journal.rows set state = 'attempting', token = of_token, held_by = of_holder, lease_until = clock_timestamp() + make_interval(secs => lease_ms / 1000.0),
        attempts = attempts + 1, takeovers = takeovers + (it.state = 'attempting')::integer, log = case when it.state = 'attempting' then journal.log_holder_gone(it) else log end,
        error = null, ended_at = null, started_at = coalesce(started_at, now()), attempted_at = clock_timestamp(), on_unknown = of_on_unknown, settle_ms = of_settle_ms,
        lane = coalesce(lane, of_lane), traceparent = coalesce(traceparent, of_traceparent), updated_at = now(),
        ref = case when claimed_at is null then ref else id || '.' || attempts end, claimed_at = null
      where id = it.id returning * into it;
      return query select 'taken'::text, to_jsonb(it);
    end if;
    return;
  end if;
  return query select case when it.state in ('attempting', 'queued') then 'busy' else 'settled' end, to_jsonb(it);
end $$;

-- True when a first attempt, or any attempt of an effect, would be too late. A started function may be finished.
create or replace function journal.is_over(it journal.rows) returns boolean language sql stable as $$
  select coalesce(it.not_after < clock_timestamp(), false) and (it.mode = 'run' or it.attempts = 0 or it.on_unknown is distinct from 'function')
$$;

-- What follows an attempt of this row with an unknown outcome, and how long after it; `policies` as for `claim`.
create or replace function journal.policy_of(policies jsonb, it journal.rows) returns jsonb language sql immutable as $$
  select coalesce(of->'byField'->'of'->coalesce(it.input->>(of->'byField'->>'field'), of->'byField'->>'absent'), of)
  from (select policies->it.method as of) policy
$$;

-- For a worker: leases due rows, and functions and runs whose holder is gone.
-- `policies`: method -> { handling, settleMs, settles, byField? }, as the claiming service declares them.
create or replace function journal.claim(policies jsonb, of_holder text, lease_ms integer, at_most integer) returns setof journal.rows language plpgsql as $$
declare
  of_methods text[] := array(select m from jsonb_object_keys(policies) m where not journal.is_paused(m));
  -- Read once, so that it bounds the indexes and later rows are not read. Due rows are read method by method, each up to `at_most`.
  due constant timestamptz := clock_timestamp();
  it journal.rows;
  had_holder boolean;
  policy jsonb;
begin
  for it in
    select * from journal.rows
    where id = any (array(
      (select q.id from unnest(of_methods) of cross join lateral (
         select id from journal.rows r where state = 'queued' and method = of and not_before <= due and mode in ('send', 'run', 'event') and takeovers < 2
           and not journal.is_over(r) and (lane is null or journal.lane_is_free(lane, seq)) order by not_before limit at_most) q)
      union all
      (select id from journal.rows where state = 'attempting' and lease_until < due and method = any (of_methods) and on_unknown = 'function' and takeovers = 0 order by lease_until limit at_most)
      union all
      -- One suspect at a time, so that they displace no other rows.
      (select id from journal.rows r where state = 'attempting' and lease_until < due and method = any (of_methods) and on_unknown = 'function' and takeovers > 0
         and journal.may_be_taken_over(r, lease_ms) order by lease_until limit 1)
      union all
      (select id from journal.rows r where state = 'queued' and method = any (of_methods) and not_before <= due and mode in ('send', 'run', 'event') and takeovers >= 2
         and not journal.is_over(r) and (lane is null or journal.lane_is_free(lane, seq)) order by not_before limit 1)
      union all
      (select w.id from unnest(of_methods) of cross join lateral (
         select id from journal.rows r where state = 'waiting' and mode = 'run' and method = of and not_before <= due and not journal.is_over(r) order by not_before limit at_most) w)))
    order by seq limit at_most for update skip locked
  loop
    -- The read above is as old as the statement, the locked row is not: another transaction may have acquired and released it in between.
    continue when not ((it.state in ('queued', 'waiting') and it.not_before <= clock_timestamp())
      or (it.state = 'attempting' and it.on_unknown = 'function' and journal.may_be_taken_over(it, lease_ms)));
    continue when journal.is_suspect(it) and not journal.may_hold_suspect(of_holder);
    if it.lane is not null then
      -- Checked again under the lane's lock: another row may have started since.
      continue when not pg_try_advisory_xact_lock(hashtextextended(it.lane, 0));
      continue when not journal.lane_is_free(it.lane, it.seq);
    end if;
    had_holder := it.state = 'attempting';
    policy := journal.policy_of(policies, it);
    update journal.rows set state = 'attempting', token = gen_random_uuid()::text, held_by = of_holder, attempts = attempts + 1, updated_at = now(),
      takeovers = takeovers + had_holder::integer, log = case when had_holder then journal.log_holder_gone(it) else log end,
      lease_until = clock_timestamp() + make_interval(secs => lease_ms / 1000.0), started_at = coalesce(started_at, now()), attempted_at = clock_timestamp(),
      on_unknown = policy->>'handling', settle_ms = (policy->>'settleMs')::integer,
      ref = case when claimed_at is null then ref else id || '.' || attempts end, claimed_at = null
    where id = it.id returning * into it;
    return next it;
  end loop;
end $$;

-- Abandoned rows: effects whose holder is gone become unknown, rows that wait past their time expire, unknown rows without a look-up go to review.
-- Its indexes hold due rows and little else, which PostgreSQL's statistics of whole columns do not show.
create or replace function journal.sweep(of_methods text[]) returns integer language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  -- Rows that another transaction has locked are left to the next sweep.
  due constant timestamptz := clock_timestamp();
  it journal.rows;
  moved integer := 0;
  more integer;
begin
  for it in
    select * from journal.rows where state = 'attempting' and lease_until < due and method = any (of_methods)
      and (on_unknown <> 'function' or takeovers >= journal.max_takeovers()) for update skip locked
  loop
    perform journal.lapse(it);
    moved := moved + 1;
  end loop;
  update journal.rows set state = 'review', updated_at = now()
    where id = any (array(select id from journal.rows
      where state = 'unknown' and method = any (of_methods) and (on_unknown = 'review' or (on_unknown = 'claim' and claimed_at is not null and settle_at <= due))
      for no key update skip locked));
  get diagnostics more = row_count;
  moved := moved + more;
  -- A look-up counts as a holder until it ends.
  update journal.rows r set state = 'review', updated_at = now(), log = journal.log_holder_gone(r),
      error = jsonb_build_object('code', 'internal', 'reason', 'holder_gone', 'outcome', 'unknown', 'detail', 'Each process that looked up its outcome died or stalled.')
    where id = any (array(select id from journal.rows
      where state = 'unknown' and method = any (of_methods) and on_unknown = 'look_up' and takeovers > journal.max_takeovers() and settle_at <= due for no key update skip locked));
  get diagnostics more = row_count;
  moved := moved + more;
  -- An unclaimed reference is void from here on: no attempt can win it, so the effect may be repeated under a new one.
  update journal.rows set state = case when mode = 'send' then 'queued' else 'failed' end, ref = id || '.' || attempts, updated_at = now(),
      not_before = now() + make_interval(secs => 8 * greatest(takeovers - 1, 0)),
      error = jsonb_build_object('code', 'unavailable', 'reason', 'not_claimed', 'detail', 'The provider did not ask whether it may act, so nothing happened.', 'outcome', 'not_executed')
    where id = any (array(select id from journal.rows
      where state = 'unknown' and method = any (of_methods) and on_unknown = 'claim' and claimed_at is null and settle_at <= due for no key update skip locked));
  get diagnostics more = row_count;
  moved := moved + more;
  update journal.rows set state = 'expired', ended_at = now(), updated_at = now(),
      error = jsonb_build_object('code', 'deadline_exceeded', 'reason', 'expired', 'detail', 'Its time was over before it was done.', 'outcome', 'not_executed')
    where id = any (array(select r.id from journal.rows r
      -- Found by method and time alone: with the conditions below in one statement PostgreSQL may choose an index that holds every queued row.
      where r.id = any (array(select late.id from unnest(of_methods) of_method cross join lateral (
          select l.id from journal.rows l
            where l.method = of_method and l.state in ('proposed', 'queued', 'waiting') and l.not_after < due order by l.not_after) late))
        and r.state in ('proposed', 'queued', 'waiting') and r.not_after < due
        and (r.state = 'proposed' or (r.state = 'queued' and r.mode in ('send', 'run') and journal.is_over(r)) or (r.state = 'waiting' and r.mode = 'run'))
      limit 5000 for no key update skip locked));
  get diagnostics more = row_count;
  return moved + more;
end $$;

-- True when events or cursors have transaction numbers that this PostgreSQL cluster has not reached: they come from another cluster, and
-- consumers would read no event until the counter of this one has passed them.
create or replace function journal.is_from_another_cluster() returns boolean language sql volatile as $$
  select exists (select from journal.cursors where xid >= pg_snapshot_xmax(pg_current_snapshot()))
    or exists (select from journal.events where xid >= pg_snapshot_xmax(pg_current_snapshot()))
$$;

-- Renumbers events and cursors of another cluster below the numbers of this one. Each cursor keeps the same events before and after it: an event gets
-- the number of cursors before it, a cursor the number of cursors before it and an id past every event. Events that were written in this cluster
-- keep their numbers, which are the ids of the transactions that created the rows, and come after. Idempotent; returns whether it renumbered any.
create or replace function journal.renumber() returns boolean language plpgsql as $$
declare
  horizon xid8;
  last_id bigint;
begin
  if not journal.is_from_another_cluster() then
    return false;
  end if;
  lock table journal.cursors, journal.events in exclusive mode;
  if not journal.is_from_another_cluster() then
    return false;
  end if;
  horizon := pg_snapshot_xmax(pg_current_snapshot());
  select coalesce(max(id), 0) into last_id from journal.events where xid::xid <> xmin;
  with cursors as (
    select consumer, xid, id from journal.cursors
    where xid >= horizon or id <= last_id or not exists (select from journal.events where xid::xid = xmin and xid < horizon)),
  places as (
    select id, xid, false as is_cursor from journal.events where xid >= horizon or xid::xid <> xmin
    union all
    select distinct id, xid, true from cursors),
  ranked as (
    select id, xid, is_cursor, (count(*) filter (where is_cursor) over (order by xid, id, is_cursor rows between unbounded preceding and 1 preceding))::text::xid8 as nth
    from places),
  events as (
    update journal.events e set xid = ranked.nth from ranked where not ranked.is_cursor and e.id = ranked.id)
  update journal.cursors c set xid = ranked.nth, id = greatest(last_id, c.id)
  from ranked, cursors where ranked.is_cursor and ranked.xid = cursors.xid and ranked.id = cursors.id and c.consumer = cursors.consumer;
  return true;
end $$;

-- For a consumer: leases the events after its cursor. No rows: no event, leased by another, or not due for a retry.
-- A lost holder is counted as for a row; at the limit the event at the cursor becomes a dead letter under `dead_id`.
create or replace function journal.take_events(of_consumer text, of_event text, of_token text, was_token text, lease_ms integer, at_most integer, dead_id text)
returns table (id bigint, xid text, payload jsonb, traceparent text, is_alone boolean) language plpgsql as $$
declare
  c journal.cursors;
  first journal.events;
  is_vanished boolean;
begin
  -- The lease only counts holders; its loss with the server counts one less.
  perform set_config('synchronous_commit', 'off', true);
  select * into c from journal.cursors cur where cur.consumer = of_consumer;
  if c.consumer is null or c.retry_at > clock_timestamp() or (c.lease_until > clock_timestamp() and c.token is distinct from was_token) then
    return;
  end if;
  if c.xid >= pg_snapshot_xmax(pg_current_snapshot()) then
    raise exception 'The position of % is a number of another PostgreSQL cluster.', of_consumer using errcode = 'PB001';
  end if;
  if not exists (select from journal.events e where e.event = of_event and (e.xid, e.id) > (c.xid, c.id) and e.xid < pg_snapshot_xmin(pg_current_snapshot())) then
    return;
  end if;
  select * into c from journal.cursors cur where cur.consumer = of_consumer and cur.retry_at <= clock_timestamp()
    and (cur.lease_until is null or cur.lease_until <= clock_timestamp() or cur.token is not distinct from was_token) for update skip locked;
  if not found then
    return;
  end if;
  is_vanished := coalesce(c.lease_until <= clock_timestamp(), false);
  if is_vanished and (c.lease_until + make_interval(secs => c.takeovers * lease_ms / 1000.0) > clock_timestamp()
      or (c.takeovers >= 1 and not journal.may_hold_suspect(split_part(of_token, ' ', 1)))) then
    return;
  end if;
  if is_vanished and c.takeovers >= journal.max_takeovers() then
    select * into first from journal.events e where e.event = of_event and (e.xid, e.id) > (c.xid, c.id) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by e.xid, e.id limit 1;
    insert into journal.rows as r (id, method, key, mode, state, hash, input, error, on_unknown, attempts, traceparent, ref, ended_at)
    values (dead_id, of_consumer, first.id::text, 'event', 'failed', '', first.payload, jsonb_build_object('code', 'internal', 'reason', 'holder_gone', 'outcome', 'not_executed',
      'detail', 'Each process that handled it died or stalled, ' || c.takeovers + 1 || ' in a row; it is not tried again until a person says so.'),
      'function', c.takeovers + 1, first.traceparent, dead_id, now())
    on conflict do nothing;
    c.xid := first.xid;
    c.id := first.id;
    c.takeovers := 0;
    is_vanished := false;
  end if;
  update journal.cursors cur set token = of_token, lease_until = clock_timestamp() + make_interval(secs => lease_ms / 1000.0), xid = c.xid, id = c.id,
    takeovers = c.takeovers + is_vanished::integer, one_by_one = case when is_vanished then 50 else c.one_by_one end,
    error = case when is_vanished and c.takeovers > 0 then 'internal/holder_gone: ' || c.takeovers + 1 || ' processes in a row died or stalled while they handled the event ' || c.id || ' and after' else c.error end
    where cur.consumer = of_consumer;
  return query select e.id, e.xid::text, e.payload, e.traceparent, is_vanished or c.one_by_one > 0 from journal.events e
    where e.event = of_event and (e.xid, e.id) > (c.xid, c.id) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.xid, e.id limit case when is_vanished or c.one_by_one > 0 then 1 else at_most end;
end $$;

-- The fields of a row or event with internal ids, numbers and flags: no text of people, and no id of a channel.
create or replace function journal.ids_of(given jsonb) returns jsonb language sql immutable as $$
  select case when jsonb_typeof(given) = 'object' then coalesce((
    select jsonb_object_agg(key, value) from jsonb_each(given)
    where jsonb_typeof(value) in ('number', 'boolean') or (jsonb_typeof(value) = 'string' and key ~ '(^id|Id)$' and key !~* 'external')
  ), '{}') end
$$;
-- True when a field equals one of these texts.
create or replace function journal.has_field(given jsonb, texts text[]) returns boolean language sql immutable as $$
  select jsonb_typeof(given) = 'object' and exists (
    select from jsonb_each(given) where (jsonb_typeof(value) = 'string' and value #>> '{}' = any (texts)))
$$;

-- Erases a person from rows and events of every method, mode and state: unfinished rows are cancelled, and none is attempted or kept.
-- of_ids: internal ids of the person, their chats and messages. of_names: their ids in channels. `mention`: a pattern for those that are
-- unambiguous in texts, or null. Returns the number of rows.
create or replace function journal.forget(of_ids text[], of_names text[], mention text) returns integer language plpgsql set enable_seqscan = on set jit = off as $$
declare
  known text[] := of_ids || of_names;
  moved integer;
begin
  create temporary table if not exists forgotten (id text, method text, key text, state text, approval text) on commit drop;
  truncate forgotten;
  insert into forgotten
    select r.id, r.method, r.key, r.state, r.approval from journal.rows r
    where journal.has_field(input, known) or journal.has_field(output, known)
      or (mention is not null and concat_ws(' ', input::text, output::text, error::text, log::text, audit::text, edits::text, key, lane, wait_key) ~ mention)
    order by seq for update;
  delete from journal.events e
    where journal.has_field(payload, known) or (mention is not null and (payload::text ~ mention or e.key ~ mention))
      or (event, e.key) in (select f.method || '_settled', f.key from forgotten f);
  update journal.rows r set
    input = journal.ids_of(input), output = journal.ids_of(output), edits = null, log = '[]', lane = null, wait_key = case when wait_key ~ mention then null else wait_key end,
    audit = (select coalesce(jsonb_agg(done || '{"why": null}'), '[]') from jsonb_array_elements(audit) done),
    -- A caller may have put personal words into a key. The keys of steps are derived, and a run finds its steps by them.
    key = case when mode not in ('step', 'wait') or r.key ~ mention then r.id else r.key end,
    error = case
      when r.state not in ('done', 'rejected', 'stale', 'cancelled') then
        jsonb_build_object('code', 'failed_precondition', 'reason', 'erased', 'detail', 'The person whom it concerns was erased.', 'outcome', 'not_executed')
      when error is not null then
        jsonb_strip_nulls(jsonb_build_object('code', error->'code', 'reason', error->'reason', 'outcome', error->'outcome')) end,
    state = case when r.state in ('done', 'rejected', 'stale', 'cancelled') then r.state else 'cancelled' end,
    ended_at = coalesce(ended_at, now()), token = null, lease_until = null, blanked = true, updated_at = now()
  from forgotten f where r.id = f.id;
  get diagnostics moved = row_count;
  -- Services that show the row must show it without the texts from now on.
  insert into journal.events (event, key, payload)
    select 'journal.approval_changed', f.id, jsonb_build_object('rowId', f.id, 'method', f.method, 'state', f.state,
      'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    from forgotten f where f.approval <> 'none' and f.state in ('done', 'rejected', 'stale', 'cancelled');
  return moved;
end $$;
