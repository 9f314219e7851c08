-- Oldest schema whose servers may run beside this one: 3.
-- What processes agree on: whose turn it is, who may claim, how fast a workspace may submit.

create table leaders (
    what     text collate "C" primary key,
    holder   text not null,
    until_ms bigint not null
);

create table drained_roles (
    role     text collate "C" primary key,
    since_ms bigint not null
);

-- When the submissions that were accepted so far will have been paid for, at the rate's price each.
alter table workspaces add column rate_until_ms double precision not null default 0;
