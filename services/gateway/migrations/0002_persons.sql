-- Who of a client uses a key; null where the client does not tell its people apart.
alter table gateway.api_keys add column person text;
alter table gateway.audit add column person text;
