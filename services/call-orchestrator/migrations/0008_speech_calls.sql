-- Calls that reach a provider of speech models over SIP. The first webhook of a call wins; others of the same call find its row.
create table call_orchestrator.speech_calls (
  ref text primary key, -- Call-ID of the SIP call, or the id of the provider where it gives none
  provider_call_id text not null unique,
  line text not null,
  phone_number text,
  state text not null check (state in ('waiting', 'answering', 'answered', 'refused', 'ended')),
  received_at timestamptz not null,
  taken_at timestamptz
);
create index speech_calls_open on call_orchestrator.speech_calls (received_at) where state in ('waiting', 'answering');
