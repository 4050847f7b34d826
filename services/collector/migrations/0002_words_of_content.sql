-- Content is searched by its lines, as words are. A column that PostgreSQL makes by itself cannot be given another rule without writing
-- the whole table again, so a trigger makes it from here on; rows that are there keep what they have, which is the same.
alter table collector.messages alter column fts drop expression;
create function collector.index_message() returns trigger language plpgsql as $$ begin
  new.fts := collector.words(left(coalesce(new.transcript || ' ', '') || new.text || case when new.content = '[]' then '' else coalesce((
    select string_agg(' ' || (part ->> 'line'), '') from jsonb_array_elements(new.content) part
    -- A file without a name has the same line as any other of its kind.
    where part ->> 'type' <> 'file' or part ->> 'name' is not null
  ), '') end, 100000));
  return new;
end $$;
create trigger index_message before insert or update of text, transcript, content on collector.messages
  for each row execute function collector.index_message();
