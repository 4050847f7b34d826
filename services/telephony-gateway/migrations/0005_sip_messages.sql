-- SIP messages of legs, masked before they are stored. A message belongs to the leg, whose row may be written after it.
create table telephony_gateway.sip_messages (
  seq bigint generated always as identity primary key,
  leg_id text not null,
  at timestamptz not null,
  is_sent boolean not null,
  protocol text not null,
  peer text not null,
  label text not null,
  message text not null
);
create index sip_messages_of_legs on telephony_gateway.sip_messages (leg_id, seq);
create index sip_messages_at on telephony_gateway.sip_messages (at);
create index legs_of_calls on telephony_gateway.legs (call_id);
