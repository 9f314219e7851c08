-- Oldest schema whose servers may run beside this one: 3.
-- Node apps: every version that was pushed, and which run a job is a step of. A server of the release
-- before goes on beside it: its jobs are nobody's steps.

create table node_apps (
    version_id        text collate "C" primary key,  -- UUIDv7: sorting by it is sorting by time
    app_id            text collate "C" not null,
    workspace_id      text collate "C" not null,
    slug              text collate "C" not null,
    name              text not null,
    description       text not null,
    version           bigint not null,
    digest            text not null,
    definition        text not null,
    created_at_ms     bigint not null,
    app_created_at_ms bigint not null
);

create unique index node_apps_of_workspace on node_apps (workspace_id, slug, version);
create index node_apps_pushed on node_apps (workspace_id, version_id);

alter table jobs add column run_id text collate "C";
alter table jobs add column step text collate "C";

create index jobs_steps on jobs (run_id) where run_id is not null;
create index jobs_steps_pending on jobs (run_id)
 where run_id is not null and completed_at_ms is null;
