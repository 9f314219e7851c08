-- Oldest schema whose servers may run beside this one: 3.
-- What an engine wrote down for a later run of the job, what the job costs if it completes, and the
-- token that it was submitted with. A server of the release before goes on beside it:
-- its jobs have none of them.

alter table jobs add column memo text;
alter table jobs add column compute_units double precision;
alter table jobs add column token_id text;
