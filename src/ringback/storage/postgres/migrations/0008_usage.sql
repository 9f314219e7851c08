-- Oldest schema whose servers may run beside this one: 3.
-- What completed jobs cost, by day, token and model, for as long as there is the workspace; and what
-- may be spent. A server of the release before goes on beside it: what ends there is not counted.

create table usage (
    workspace_id  text collate "C" not null,
    day           bigint not null,   -- since 1970, in UTC, of the jobs' completion
    token_id      text collate "C" not null,  -- empty: it was not known
    kind          text collate "C" not null,
    model         text collate "C" not null,
    jobs_count    bigint not null,
    compute_units double precision not null,
    primary key (workspace_id, day, token_id, kind, model)
);

create table budgets (
    workspace_id  text collate "C" not null,
    token_id      text collate "C" not null,  -- empty: of the whole workspace
    period        text not null,     -- total, or month
    compute_units double precision not null,
    spent         double precision not null,
    month         bigint not null,   -- since January 1970, in which that was spent
    primary key (workspace_id, token_id)
);

alter table workspaces add column budgets_count bigint not null default 0;
