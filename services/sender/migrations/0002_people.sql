-- Whether a chat's customer lets us write, as it was said from time to time; the latest counts. Without one, we may answer.
create table sender.consents (
  consent_id bigint generated always as identity primary key,
  chat_id text not null,
  is_given boolean not null,
  who text not null, -- the customer, or who of us was told
  evidence text, -- the message or the paper that says so
  at timestamptz not null
);
create index consents_of_chat on sender.consents (chat_id, consent_id);
alter table sender.chats add column opted_out_at timestamptz;

-- The sandbox of replies by the name and the states that the hub before PolyB had. The journal's rows are the truth.
create view sender.pending_responses as
  select id, input->>'chatId' as chat_id, input->>'channel' as channel, input->>'text' as response_text,
    case
      when state = 'proposed' then 'pending'
      when state in ('queued', 'attempting', 'unknown', 'review') then 'approved'
      when state = 'done' then 'sent'
      else state
    end as status,
    approved_by, caller as created_by, created_at, updated_at, ended_at
  from journal.rows where method = 'messages.deliver' and approval <> 'none';
