-- Who ended a simulated leg.
alter table telephony_gateway.simulated_legs add ended_by text not null default 'remote';
