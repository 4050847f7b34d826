-- What a message with buttons asks: the approval of a row, or what became of one of its attempts.
alter table pipelines.approval_notices add column asks text;
update pipelines.approval_notices set asks = 'approval' where is_open;
