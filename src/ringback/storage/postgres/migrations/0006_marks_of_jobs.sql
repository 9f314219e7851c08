-- Oldest schema whose servers may run beside this one: 3.
-- When each status of a job began, as JSON: what its timeline is drawn from. A server of the release
-- before goes on beside it: its jobs have none.

alter table jobs add column marks text not null default '[]';
