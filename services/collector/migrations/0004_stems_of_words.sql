-- hunspell does not join all forms of a word that have one stem (неделя and недель); so what is searched is the stem of what it says,
-- and of a word that it does not know. Stemming follows the configuration, which passes words on as they are.
-- Every message that is there is read through once.
set local statement_timeout = 0;

create text search dictionary collector.russian_word (template = simple, stopwords = russian);
do $$ begin
  if collector.words_in_use() = 'hunspell' then
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_hunspell, collector.russian_word;
  else
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_word;
  end if;
end $$;

create or replace function collector.use_words(wanted text) returns void language plpgsql as $$ begin
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

-- A dictionary that is made for a trial makes every connection read its own anew, so that is done only where there is none.
create or replace function collector.hunspell_is_there() returns boolean language plpgsql as $$ begin
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

drop materialized view collector.irregular_rules;
create materialized view collector.irregular_rules as
  select distinct collector.question(word) as target, groups.mark, groups.wide
  from collector.irregular_words join (
    select of, to_tsquery('simple', 'irregular' || row_number() over (order by of)) as mark, (
        select string_agg(quote_literal(lexeme), ' | ')::tsquery from unnest(tsvector_to_array(collector.words(string_agg(word, ' ')))) lexeme
      ) as wide
    from collector.irregular_words group by of
  ) groups using (of);

create or replace function collector.likened(given text) returns tsquery language sql stable as $$
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

alter table collector.messages drop column fts;
alter table collector.messages add column fts tsvector not null generated always as
  (collector.words(left(coalesce(transcript || ' ', '') || text, 100000))) stored;
create index messages_fts on collector.messages using gin (fts) with (fastupdate = off);

delete from collector.lexicon;
insert into collector.lexicon (word)
  select distinct found.word from collector.messages, unnest((tsvector_to_array(fts))[1:300]) found (word) where found.word ~ '^[a-zа-я]{3,24}$';
delete from collector.reindexing;
