create schema if not exists collector;
create extension if not exists pg_trgm;

-- Words as they are searched: ё and е are one letter, and so are capitals and small letters.
create function collector.fold(given text) returns text language sql immutable strict parallel safe
  as $$ select translate(lower(given), 'ё', 'е') $$;

-- hunspell knows more forms of a word than a stemmer does; its files come with the operating system and may be missing, or come later.
-- It does not join all forms of a word that have one stem (неделя and недель); so what is searched is the stem of what it says,
-- and of a word that it does not know. Stemming follows the configuration, which passes words on as they are.
create text search dictionary collector.russian_word (template = simple, stopwords = russian);
create text search configuration collector.russian (copy = pg_catalog.russian);
do $$ begin
  create text search dictionary collector.russian_hunspell (template = ispell, dictfile = ru_ru, afffile = ru_ru, stopwords = russian);
  alter text search configuration collector.russian
    alter mapping for word, hword, hword_part with collector.russian_hunspell, collector.russian_word;
exception when config_file_error or undefined_file or invalid_text_representation or character_not_in_repertoire then
  alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_word;
  raise notice 'no hunspell dictionary of Russian: words are searched by their stems';
end $$;

-- Not strict, and so written into the statements that call it, which halves what they take.
create function collector.stem_of(lexeme text) returns text language sql immutable parallel safe as $$
  select case when lexeme ~ '^[а-я-]+$' then '''' || coalesce((ts_lexize('pg_catalog.russian_stem', lexeme))[1], lexeme) || ''''
    else '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' end
$$;

-- What a text is found by.
create function collector.words(given text) returns tsvector language sql immutable strict parallel safe as $$
  select coalesce(string_agg(collector.stem_of(lexeme) || ':' || array_to_string(positions, ','), ' '), '')::tsvector
  from unnest(to_tsvector('collector.russian', collector.fold(given)))
$$;

-- What a question asks for, as people type it: each lexeme of the query by its stem, all else as it stands; null when that is nothing.
create function collector.question(given text) returns tsquery language sql stable strict parallel safe as $$
  select string_agg(
    case when part[1] like '''%' then collector.stem_of(replace(replace(substr(part[1], 2, length(part[1]) - 2), '''''', ''''), '\\', '\')) else part[1] end,
    '' order by nth)::tsquery
  from regexp_matches(websearch_to_tsquery('collector.russian', collector.fold(given))::text, '''(?:[^'']|'''')*''|[^'']+', 'g') with ordinality found (part, nth)
$$;

-- Forms that neither finds: words of one group are one word for a search.
create table collector.irregular_words (
  word text primary key,
  of text not null
);
insert into collector.irregular_words (of, word) values
  ('цветок', 'цветок'), ('цветок', 'цветка'), ('цветок', 'цветы'), ('цветок', 'цветов'), ('цветок', 'цветочек'), ('цветок', 'цветочки'),
  ('открытка', 'открытка'), ('открытка', 'открытки'), ('открытка', 'открыток'),
  ('подарок', 'подарок'), ('подарок', 'подарка'), ('подарок', 'подарки'), ('подарок', 'подарков'),
  ('лепесток', 'лепесток'), ('лепесток', 'лепестка'), ('лепесток', 'лепестки'), ('лепесток', 'лепестков'),
  ('день', 'день'), ('день', 'дня'), ('день', 'дни'), ('день', 'дней'),
  ('деньги', 'деньги'), ('деньги', 'денег'), ('деньги', 'деньгам'),
  ('заказ', 'заказ'), ('заказ', 'заказать'), ('заказ', 'закажу'), ('заказ', 'заказываю'), ('заказ', 'заказывала'),
  ('купить', 'купить'), ('купить', 'куплю'), ('купить', 'купил'), ('купить', 'покупка'),
  ('букет', 'букет'), ('букет', 'букетик'), ('букет', 'букетики'),
  ('человек', 'человек'), ('человек', 'люди'), ('человек', 'людей'),
  ('ребенок', 'ребенок'), ('ребенок', 'ребенка'), ('ребенок', 'дети'), ('ребенок', 'детей'),
  ('год', 'год'), ('год', 'года'), ('год', 'лет'),
  ('идти', 'идти'), ('идти', 'иду'), ('идти', 'шел'), ('идти', 'шла'), ('идти', 'пошел'),
  ('везти', 'везти'), ('везти', 'везу'), ('везти', 'вез'), ('везти', 'привезти'), ('везти', 'привезут'), ('везти', 'привезли'),
  ('веточка', 'веточка'), ('веточка', 'веточек'), ('веточка', 'ветка'), ('веточка', 'веток'),
  ('коробка', 'коробка'), ('коробка', 'коробки'), ('коробка', 'коробок'),
  ('скидка', 'скидка'), ('скидка', 'скидки'), ('скидка', 'скидок'),
  ('доставка', 'доставка'), ('доставка', 'доставки'), ('доставка', 'доставок'), ('доставка', 'доставить'), ('доставка', 'доставят'),
  ('время', 'время'), ('время', 'времени'), ('время', 'времена'),
  ('друг', 'друг'), ('друг', 'друзья'), ('друг', 'друзей'),
  ('дочь', 'дочь'), ('дочь', 'дочери'), ('дочь', 'дочка'), ('дочь', 'дочке'), ('дочь', 'дочек'),
  ('записать', 'записать'), ('записать', 'запишите'), ('записать', 'запись'), ('записать', 'записаться'),
  ('платить', 'платить'), ('платить', 'плачу'), ('платить', 'оплата'), ('платить', 'оплатить'), ('платить', 'оплачу');

-- A word's query, the mark of its group, and the query of the group. By way of marks nothing that was put in is widened again.
-- Kept in a form that can be made anew, when other words become one.
create materialized view collector.irregular_rules as
  select distinct collector.question(word) as target, groups.mark, groups.wide
  from collector.irregular_words join (
    select of, to_tsquery('simple', 'irregular' || row_number() over (order by of)) as mark, (
        select string_agg(quote_literal(lexeme), ' | ')::tsquery from unnest(tsvector_to_array(collector.words(string_agg(word, ' ')))) lexeme
      ) as wide
    from collector.irregular_words group by of
  ) groups using (of);

-- A query with every irregular word in it widened to its group.
create function collector.widened(given tsquery) returns tsquery language sql stable parallel safe as $$
  select ts_rewrite(
    ts_rewrite(given, 'select target, mark from collector.irregular_rules order by numnode(target) desc'),
    'select mark, wide from collector.irregular_rules')
$$;

create table collector.user_roles (
  role text primary key,
  is_staff boolean not null,
  is_bot boolean not null,
  title text not null
);
insert into collector.user_roles (role, is_staff, is_bot, title) values
  ('admin', true, false, 'Администратор'),
  ('director', true, false, 'Директор по продажам'),
  ('manager', true, false, 'Менеджер'),
  ('broadcast_bot', false, true, 'Бот рассылки'),
  ('assistant_bot', false, true, 'AI Ассистент'),
  ('client', false, false, 'Клиент');

create table collector.users (
  user_id text primary key,
  channel text not null,
  external_id text not null,
  name text not null,
  username text,
  phone_number text,
  role text not null default 'client' references collector.user_roles,
  messages bigint not null default 0,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  erased_at timestamptz,
  unique (channel, external_id)
);
create index users_by_last_seen on collector.users (role, last_seen_at desc, user_id desc);

-- Ids that a channel may name somebody by instead of the one in users: WhatsApp's user id instead of the phone, or a number given up.
create table collector.user_aliases (
  channel text not null,
  external_id text not null,
  known_as text, -- users.external_id; null while this is the only id that was told
  until timestamptz not null default 'infinity', -- what comes under it later is somebody else's
  primary key (channel, external_id, until)
);
create index user_aliases_of on collector.user_aliases (channel, known_as) where known_as is not null;

create table collector.chats (
  chat_id text primary key,
  channel text not null,
  bot_id text not null,
  external_id text not null,
  kind text not null,
  title text,
  owner text check (owner in ('bot', 'human', 'off')), -- what people set; null: whoever writes
  staff_wrote_at timestamptz,
  is_reachable boolean not null default true,
  last_inbound_at timestamptz, -- of a client
  last_message_id text,
  last_message_at timestamptz,
  merged_into text references collector.chats,
  created_at timestamptz not null default now()
);
create unique index chats_once on collector.chats (channel, bot_id, external_id) where merged_into is null;

-- Other external ids of a chat: what it was called as a group, before it became a supergroup.
create table collector.chat_aliases (
  channel text not null,
  bot_id text not null,
  external_id text not null,
  chat_id text not null references collector.chats,
  primary key (channel, bot_id, external_id)
);

create table collector.raw_updates (
  id bigint generated always as identity primary key,
  channel text not null,
  bot_id text not null,
  external_id text not null,
  digest text not null, -- the numbers of Telegram begin anew after a quiet week
  body text not null, -- JSON as it came; jsonb could not hold a null byte
  received_at timestamptz not null default now(),
  unique (channel, bot_id, external_id, digest)
);
create index raw_updates_by_time on collector.raw_updates (channel, received_at, id);

create table collector.messages (
  seq bigint generated always as identity primary key,
  message_id text not null unique,
  channel text not null,
  bot_id text not null,
  chat_external_id text not null, -- as it came, not as it is called now: a supergroup numbers its messages anew
  external_id text not null,
  chat_id text not null references collector.chats,
  sender_id text references collector.users,
  direction text not null check (direction in ('in', 'out')),
  kind text not null,
  text text not null,
  transcript text,
  thread_id text,
  album_id text,
  reply_to text,
  is_forwarded boolean not null,
  sent_at timestamptz not null,
  edited_at timestamptz,
  received_at timestamptz not null default now(),
  intent text,
  is_urgent boolean not null default false,
  -- How sure the classifier was of the intent; both are null until a message is judged.
  is_certain boolean,
  confidence float8,
  fts tsvector not null generated always as
    (collector.words(left(coalesce(transcript || ' ', '') || text, 100000))) stored,
  unique (channel, bot_id, chat_external_id, external_id)
);
create index messages_by_time on collector.messages (sent_at desc, seq desc);
create index messages_of_chat on collector.messages (chat_id, sent_at desc, seq desc);
create index messages_of_sender on collector.messages (sender_id, sent_at desc, seq desc);
create index messages_of_intent on collector.messages (intent, sent_at desc, seq desc) where intent is not null;
-- Without a list of pending entries, which every search would have to read through.
create index messages_fts on collector.messages using gin (fts) with (fastupdate = off);

-- Every word that was ever written, as it is searched. A word that nobody wrote is likened to these, which is cheap; to texts it would not be.
create table collector.lexicon (word text primary key);
create index lexicon_trigrams on collector.lexicon using gin (word gin_trgm_ops) with (fastupdate = off);

-- A query of plain words, each widened to the words that are most like it; null when one is like none.
create function collector.likened(given text) returns tsquery language sql stable as $$
  select case when bool_and(likes is not null) then string_agg('(' || likes || ')', ' & ')::tsquery end
  from (
    select (
      select string_agg(quote_literal(like_it.word), ' | ') from (
        select word from collector.lexicon where word % asked.lexeme or word % asked.token
        order by greatest(similarity(word, asked.lexeme), similarity(word, asked.token)) desc, word limit 12
      ) like_it
    ) as likes
    from (
      select distinct on (token) token, lexeme
      from regexp_split_to_table(given, '[^[:alnum:]]+') token, unnest(collector.words(token)) found (lexeme, positions, weights)
      order by token, length(lexeme), lexeme
    ) asked
  ) word
$$;

-- Which words are one for a search can change while messages are there: hunspell's files come later, or go.
create function collector.words_in_use() returns text language sql stable as $$
  select case when exists (
    select from pg_ts_config_map map join pg_ts_dict dictionary on dictionary.oid = map.mapdict
    where map.mapcfg = 'collector.russian'::regconfig and dictionary.dictname = 'russian_hunspell'
  ) then 'hunspell' else 'stems' end
$$;

-- Whether PostgreSQL can read hunspell's dictionary now.
-- One that is made for a trial makes every connection read its own anew, so that is done only where there is none.
create function collector.hunspell_is_there() returns boolean language plpgsql as $$ begin
  if exists (select from pg_ts_dict where dictname = 'russian_hunspell' and dictnamespace = 'collector'::regnamespace) then
    perform ts_lexize('collector.russian_hunspell', 'слово');
  else
    create text search dictionary collector.tried (template = ispell, dictfile = ru_ru, afffile = ru_ru, stopwords = russian);
    drop text search dictionary collector.tried;
  end if;
  return true;
exception when config_file_error or undefined_file or invalid_text_representation or character_not_in_repertoire then
  return false;
end $$;

-- Messages below this place are still searched by the words of before; no row: all are by those of now.
create table collector.reindexing (
  is_one boolean primary key default true check (is_one),
  below bigint not null
);

-- From here on words are searched so; messages that are there have to follow.
create function collector.use_words(wanted text) returns void language plpgsql as $$ begin
  if wanted = collector.words_in_use() then return; end if;
  if wanted = 'hunspell' then
    if not exists (select from pg_ts_dict where dictname = 'russian_hunspell' and dictnamespace = 'collector'::regnamespace) then
      create text search dictionary collector.russian_hunspell (template = ispell, dictfile = ru_ru, afffile = ru_ru, stopwords = russian);
    end if;
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_hunspell, collector.russian_word;
  else
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_word;
  end if;
  refresh materialized view collector.irregular_rules;
  -- What is likened to must be words as they are searched now.
  delete from collector.lexicon;
  insert into collector.reindexing (below) values (9223372036854775807) on conflict (is_one) do update set below = excluded.below;
end $$;

-- Every wording of a message that was edited, the first one too.
create table collector.message_versions (
  message_id text not null references collector.messages (message_id) on delete cascade,
  at timestamptz not null,
  digest text not null,
  text text not null,
  primary key (message_id, at, digest)
);

create table collector.message_statuses (
  channel text not null,
  bot_id text not null,
  external_id text not null,
  status text not null,
  rank int not null, -- only ever rises
  error_code text,
  at timestamptz not null,
  primary key (channel, bot_id, external_id)
);

create table collector.voices (
  message_id text primary key references collector.messages (message_id) on delete cascade,
  channel text not null,
  bot_id text not null,
  file_id text not null,
  content_type text not null,
  bytes bigint,
  duration_ms bigint,
  state text not null default 'wanted' check (state in ('wanted', 'kept', 'heard', 'gone')), -- heard: its words are known; gone: cannot be had
  body bytea,
  attempts int not null default 0,
  next_at timestamptz not null default now()
);
create index voices_due on collector.voices (next_at) where state in ('wanted', 'kept');
