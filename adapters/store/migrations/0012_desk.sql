-- The person in charge of each chat, as inbox.chat_assigned reports; no row, or null: nobody. `is_copied`: the rows about the chat name that person.
create table journal.chat_owners (
  chat_id    text primary key,
  person_id  text,
  changed_at timestamptz not null default now(),
  is_copied  boolean not null default false
);
create index chat_owners_to_copy on journal.chat_owners (changed_at) where not is_copied;

-- `owner`: the person in charge of the chat in `input`, by which the rows of a manager are found; chat_owners says whether they may see them.
-- `reason`: of `error`, or its code, by which rows are counted without a look at each.
alter table journal.rows add column owner text, add column reason text;
update journal.rows set reason = left(coalesce(error->>'reason', error->>'code', 'unknown'), 64) where error is not null;

create function journal.row_described() returns trigger language plpgsql as $$
begin
  new.reason := case when new.error is not null then left(coalesce(new.error->>'reason', new.error->>'code', 'unknown'), 64) end;
  if tg_op = 'INSERT' and new.input->>'chatId' is not null then
    new.owner := (select person_id from journal.chat_owners where chat_id = new.input->>'chatId');
  end if;
  return new;
end $$;
create trigger row_made before insert on journal.rows for each row
  when (new.error is not null or new.input->>'chatId' is not null) execute function journal.row_described();
create trigger row_failed before update of error on journal.rows for each row
  when (new.error is not null or old.reason is not null) execute function journal.row_described();

-- What a manager may see: rows about chats, by the person in charge, and rows about no chat that staff approves.
create index rows_of_chat         on journal.rows ((input->>'chatId'))                             where input->>'chatId' is not null;
create index rows_of_owner        on journal.rows (coalesce(owner, ''), method, state, mode, created_at, seq)         where input->>'chatId' is not null;
create index rows_of_owner_failed on journal.rows (coalesce(owner, ''), reason, state, mode, created_at, seq, method) where input->>'chatId' is not null and reason is not null;
create index rows_of_staff        on journal.rows (method, state, mode, created_at, seq)                where input->>'chatId' is null and approval in ('staff', 'both');

-- Rows with an error, by its reason and by its code.
create index rows_failed on journal.rows (reason, state, mode, created_at, seq, method)          where reason is not null;
create index rows_coded  on journal.rows ((error->>'code'), state, mode, created_at, seq, method) where error is not null;
drop index journal.rows_reason;
drop index journal.rows_code;

-- Groups of dead letters.
create index rows_dead_groups on journal.rows (method, reason, created_at, seq) include (state) where state in ('failed', 'expired') and mode in ('send', 'run', 'event');

-- Replays of dead letters: those of one method and reason that were there at its start, each once, after (done_at, done_seq).
create table journal.replays (
  id         text primary key,
  method     text not null,
  reason     text not null,
  per_second double precision not null check (per_second > 0),
  most       integer not null,
  state      text not null default 'running' check (state in ('running', 'done', 'cancelled')),
  retried    integer not null default 0,
  skipped    integer not null default 0,
  done_at    timestamptz not null default '-infinity',
  done_seq   bigint not null default 0,
  next_at    timestamptz not null default now(),
  who        text not null,
  why        text,
  created_at timestamptz not null default clock_timestamp(),
  ended_at   timestamptz
);
create unique index replays_running on journal.replays (method, reason) where state = 'running';
create index replays_age on journal.replays (created_at);
