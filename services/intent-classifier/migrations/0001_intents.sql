create schema if not exists intent_classifier;

-- What was judged of a message, each time it was; the words stay with the inbox.
create table intent_classifier.message_analysis (
  message_id text not null,
  version int not null check (version >= 1),
  is_latest boolean not null default true,
  chat_id text not null,
  message_at timestamptz not null, -- when it was sent
  intent text not null,
  is_certain boolean not null,
  is_urgent boolean not null,
  confidence double precision not null check (confidence between 0 and 1),
  stage text not null check (stage in ('pattern', 'local', 'llm')),
  llm text, -- which model was there to be asked
  input_tokens int not null default 0,
  output_tokens int not null default 0,
  judged_at timestamptz not null,
  primary key (message_id, version)
);
create unique index message_analysis_latest on intent_classifier.message_analysis (message_id) where is_latest;
create index message_analysis_by_time on intent_classifier.message_analysis (message_at, intent) where is_latest;
create index message_analysis_urgent on intent_classifier.message_analysis (message_at desc, message_id desc) where is_latest and is_urgent;

create table intent_classifier.message_patterns (
  pattern_id text primary key,
  phrase text not null,
  intent text not null,
  is_urgent boolean not null default false,
  rank int not null default 100
);
