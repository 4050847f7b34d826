-- What a text is found by, and what a question asks for. Besides words:
--
-- - A run of four digits or more is all its pieces of four, one after another («#8916», «#9162», …), whatever signs separate the digits:
--   any part of four digits or more is a phrase of pieces. A Russian or Kazakh phone begins with both 7 and 8.
-- - An address of mail, a link or a word with hyphens is also its parts, and a word with hyphens is also one without them.
-- - An emoji is itself, of any tone of skin.
--
-- What every message or search passes is plpgsql, which keeps its plans; an SQL function within another is planned anew at each call.

-- By words alone.
create or replace function collector.plain_words(given text) returns tsvector language plpgsql immutable strict parallel safe as $$ begin
  return (
    select coalesce(string_agg(collector.stem_of(lexeme) || ':' || array_to_string(positions, ','), ' '), '')::tsvector
    from unnest(to_tsvector('collector.russian', collector.fold(given))));
end $$;

-- A flood of numbers is no number; positions end at 16,383.
create or replace function collector.digit_runs(given text) returns table (nth bigint, digits text) language plpgsql immutable strict parallel safe as $$ begin
  return query select run_nth, regexp_replace(run[1], '\D', '', 'g')
  from regexp_matches(given, '\d(?:[\s.()/\u00a0\u2010-\u2015-]{0,3}\d){3,39}', 'g') with ordinality found (run, run_nth) limit 200;
end $$;

create or replace function collector.digit_words(given text) returns tsvector language plpgsql immutable strict parallel safe as $$ begin
  return (
    select coalesce(string_agg('#' || piece || ':' || nth * 64 + at, ' '), '')::tsvector
    from collector.digit_runs(given), lateral (
      select at, substr(digits, at, 4) as piece from generate_series(1, length(digits) - 3) at
      union all select 1, translate(left(digits, 1), '78', '87') || substr(digits, 2, 3) where digits ~ '^[78]\d{10}'
    ) pieces);
end $$;

create or replace function collector.emoji_words(given text) returns tsvector language plpgsql immutable strict parallel safe as $$ begin
  return (
    select coalesce(array_to_tsvector(array_agg(distinct emoji[1])), '')
    from regexp_matches(given, '[\U0001F000-\U0001F3FA\U0001F400-\U0001FAFF\u2600-\u27BF]', 'g') emoji);
end $$;

-- An address or a word with hyphens in its parts, then with hyphens left out.
create or replace function collector.parted(given text) returns text language sql immutable strict parallel safe as $$
  select string_agg(regexp_replace(found[1], '[^[:alnum:]]+', ' ', 'g') ||
    case when found[1] ~ '^[[:alpha:]]+(-[[:alpha:]]+)+$' then ' ' || replace(found[1], '-', '') else '' end, ' ')
  from regexp_matches(given, '[[:alnum:]]+(?:[-_.@/:?=&%]+[[:alnum:]]+)+', 'g') found
$$;

create or replace function collector.words(given text) returns tsvector language plpgsql immutable strict parallel safe as $$
declare
  words tsvector := collector.plain_words(given);
begin
  if given ~ '\d\D{0,3}\d\D{0,3}\d\D{0,3}\d' then words := words || collector.digit_words(given); end if;
  if given ~ '[[:alnum:]][-_.@/][[:alnum:]]' then words := words || coalesce(collector.plain_words(collector.parted(given)), ''); end if;
  if given ~ '[\U0001F000-\U0001FAFF\u2600-\u27BF]' then words := words || collector.emoji_words(given); end if;
  return words;
end $$;

-- As people type it: each lexeme of the query by its stem, all else as it stands; null when that is nothing.
create or replace function collector.plain_question(given text) returns tsquery language plpgsql stable strict parallel safe as $$ begin
  return (select string_agg(
    case when part[1] like '''%' then collector.stem_of(replace(replace(substr(part[1], 2, length(part[1]) - 2), '''''', ''''), '\\', '\')) else part[1] end,
    '' order by nth)::tsquery
  from regexp_matches(websearch_to_tsquery('collector.russian', collector.fold(given))::text, '''(?:[^'']|'''')*''|[^'']+', 'g') with ordinality found (part, nth));
end $$;

-- Every number of the question, by any part of it; null when it has none.
create or replace function collector.digit_question(given text) returns tsquery language sql immutable strict parallel safe as $$
  select string_agg('(' || phrase || ')', ' & ')::tsquery from (
    select string_agg('#' || substr(digits, at, 4), ' <-> ' order by at) as phrase
    from collector.digit_runs(given), generate_series(1, length(digits) - 3) at group by nth
  ) numbers
$$;

-- The question without its numbers, and without the one or two letters that are written together with one: «А-1043», «2500р».
create or replace function collector.without_digits(given text) returns text language sql immutable strict parallel safe as $$
  select regexp_replace(given, '(?:\m[[:alpha:]]{1,2}-?)?\d(?:[\s.()/\u00a0\u2010-\u2015-]{0,3}\d){3,39}(?:[[:alpha:]]{1,2}\M)?', ' ', 'g')
$$;

-- Null when nothing of the question can be searched for. Whoever writes quotes, -word or OR means words.
create or replace function collector.question(given text) returns tsquery language plpgsql stable strict parallel safe as $$
declare
  asked tsquery := coalesce(collector.plain_question(given), '');
begin
  if given !~* '"|(^|\s)-\S|\sor\s' then
    if given ~ '\d\D{0,3}\d\D{0,3}\d\D{0,3}\d' then
      asked := asked || (coalesce(collector.digit_question(given), '') && coalesce(collector.plain_question(collector.without_digits(given)), ''));
    end if;
    if given ~ '[[:alnum:]][-_.@/][[:alnum:]]' then
      asked := asked || coalesce(collector.plain_question('"' || regexp_replace(given, '[^[:alnum:]]+', ' ', 'g') || '"'), '')
        || coalesce(collector.plain_question(regexp_replace(given, '([[:alpha:]])-(?=[[:alpha:]])', '\1', 'g')), '');
    end if;
    if given !~ '[[:alnum:]]' then asked := array_to_string(tsvector_to_array(collector.emoji_words(given)), ' & ')::tsquery; end if;
  end if;
  return nullif(asked::text, '')::tsquery;
end $$;

-- Another spelling of a question; null unless all its words were ever written, since a search is slower by every word more.
create or replace function collector.respelled(given text) returns tsquery language plpgsql stable strict parallel safe as $$ begin
  if exists (
    select from unnest(tsvector_to_array(collector.plain_words(given))) asked
    where not exists (select from collector.lexicon where word = asked))
  then return null; end if;
  return collector.question(given);
end $$;

-- A query of plain words, each widened to the words that are most like it, and to those that have another vowel in one place; numbers stay
-- as they are. Null when a word is like none.
create or replace function collector.likened(given text) returns tsquery language sql stable as $$
  select case when bool_and(likes is not null)
    then string_agg('(' || likes || ')', ' & ')::tsquery && coalesce(collector.digit_question(given), '') end
  from (
    select (
      select string_agg(quote_literal(like_it.word), ' | ') from (
        (select word from collector.lexicon where word % asked.lexeme or word % asked.token
         order by greatest(similarity(word, asked.lexeme), similarity(word, asked.token)) desc, word limit 12)
        union
        (select word from collector.lexicon
         where translate(word, 'аеиоуыэюя', '*********') = translate(asked.lexeme, 'аеиоуыэюя', '*********')
           and length(asked.token) >= 5 and 1 >= (
             select count(*) from generate_series(1, length(asked.lexeme)) at
             where translate(substr(word, at, 1), 'э', 'е') <> translate(substr(asked.lexeme, at, 1), 'э', 'е'))
         order by word limit 12)
      ) like_it
    ) as likes
    from (
      select distinct on (token) token, lexeme
      from regexp_split_to_table(collector.without_digits(given), '[^[:alnum:]]+') token, unnest(collector.plain_words(token)) found (lexeme, positions, weights)
      order by token, length(lexeme), lexeme
    ) asked
  ) word
$$;
