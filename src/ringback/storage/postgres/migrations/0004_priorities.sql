-- Oldest schema whose servers may run beside this one: 3.
-- Claims go round the workspaces that have queued jobs, and take the most urgent of each. A server
-- of the release before goes on beside it: what it submits has the priority 0.

alter table jobs add column priority bigint not null default 0;

drop index jobs_queued;
create index jobs_queued on jobs (engine, workspace_id, priority desc, seq) where status = 'queued';
drop index jobs_backlogged;
create index jobs_backlogged on jobs (workspace_id, priority desc, seq) where status = 'backlogged';
