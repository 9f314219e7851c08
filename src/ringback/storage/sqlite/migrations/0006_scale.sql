-- What processes agree on: whose turn it is, who may claim, how fast a workspace may submit.

create table leaders (
    what     text primary key,
    holder   text not null,
    until_ms integer not null
) strict, without rowid;

create table drained_roles (
    role     text primary key,
    since_ms integer not null
) strict, without rowid;

-- When the submissions that were accepted so far will have been paid for, at the rate's price each.
alter table workspaces add column rate_until_ms real not null default 0;
