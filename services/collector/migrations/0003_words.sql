-- Which words are one for a search can change while messages are there: hunspell's files come later, or go.

-- Kept in a form that can be made anew.
drop table collector.irregular_rules;
create materialized view collector.irregular_rules as
  select distinct to_tsquery('collector.russian', word) as target, groups.mark, groups.wide
  from collector.irregular_words join (
    select of, to_tsquery('simple', 'irregular' || row_number() over (order by of)) as mark, (
        select string_agg(quote_literal(lexeme), ' | ')::tsquery
        from unnest(tsvector_to_array(to_tsvector('collector.russian', string_agg(word, ' ')))) lexeme
      ) as wide
    from collector.irregular_words group by of
  ) groups using (of);

-- Messages below this place are still searched by the words of before; no row: all are by those of now.
create table collector.reindexing (
  is_one boolean primary key default true check (is_one),
  below bigint not null
);

create function collector.words_in_use() returns text language sql stable as $$
  select case when exists (
    select from pg_ts_config_map map join pg_ts_dict dictionary on dictionary.oid = map.mapdict
    where map.mapcfg = 'collector.russian'::regconfig and dictionary.dictname = 'russian_hunspell'
  ) then 'hunspell' else 'stems' end
$$;

-- Whether PostgreSQL can read hunspell's dictionary now.
create function collector.hunspell_is_there() returns boolean language plpgsql as $$ begin
  create text search dictionary collector.tried (template = ispell, dictfile = ru_ru, afffile = ru_ru, stopwords = russian);
  drop text search dictionary collector.tried;
  return true;
exception when config_file_error or undefined_file or invalid_text_representation or character_not_in_repertoire then
  return false;
end $$;

-- From here on words are searched so; messages that are there have to follow.
create function collector.use_words(wanted text) returns void language plpgsql as $$ begin
  if wanted = collector.words_in_use() then return; end if;
  if wanted = 'hunspell' then
    if not exists (select from pg_ts_dict where dictname = 'russian_hunspell' and dictnamespace = 'collector'::regnamespace) then
      create text search dictionary collector.russian_hunspell (template = ispell, dictfile = ru_ru, afffile = ru_ru, stopwords = russian);
    end if;
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with collector.russian_hunspell, russian_stem;
  else
    alter text search configuration collector.russian alter mapping for word, hword, hword_part with russian_stem;
  end if;
  refresh materialized view collector.irregular_rules;
  -- What is likened to must be words as they are searched now.
  delete from collector.lexicon;
  insert into collector.reindexing (below) values (9223372036854775807) on conflict (is_one) do update set below = excluded.below;
end $$;
