-- What completed jobs cost, by day, token and model, for as long as there is the workspace; and what
-- may be spent. A workspace that has no budget is not looked up among them.

create table usage (
    workspace_id  text not null,
    day           integer not null,  -- since 1970, in UTC, of the jobs' completion
    token_id      text not null,     -- empty: it was not known
    kind          text not null,
    model         text not null,
    jobs_count    integer not null,
    compute_units real not null,
    primary key (workspace_id, day, token_id, kind, model)
) strict, without rowid;

create table budgets (
    workspace_id  text not null,
    token_id      text not null,     -- empty: of the whole workspace
    period        text not null,     -- total, or month
    compute_units real not null,
    spent         real not null,
    month         integer not null,  -- since January 1970, in which that was spent
    primary key (workspace_id, token_id)
) strict, without rowid;

alter table workspaces add column budgets_count integer not null default 0;
