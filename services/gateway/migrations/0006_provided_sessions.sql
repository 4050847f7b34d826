-- Whether the identity provider vouched for the person of a session: their second factor is then the provider's, and logging out leads there.
alter table gateway.sessions add column is_provided boolean not null default false;
