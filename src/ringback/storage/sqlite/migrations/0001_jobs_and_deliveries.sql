create table workspaces (
    workspace_id     text primary key,
    secret           text not null,
    created_at_ms    integer not null,
    active_count     integer not null default 0,  -- pending jobs that are not backlogged
    backlogged_count integer not null default 0
) strict, without rowid;

create table tokens (
    token_id      text primary key,
    workspace_id  text not null references workspaces,
    digest        text not null unique,
    hint          text not null,
    created_at_ms integer not null,
    revoked_at_ms integer
) strict;

create table jobs (
    seq             integer primary key,          -- the order of commits
    job_id          text not null unique,         -- UUIDv7: sorting by it is sorting by time
    workspace_id    text not null,
    kind            text not null,
    model           text not null,
    type            text not null,
    engine          text not null,
    input           text not null,
    created_at_ms   integer not null,
    base_url        text not null,
    status          text not null,
    webhook_url     text,
    completed_at_ms integer,
    result          text,
    progress        real not null default 0,
    epoch           integer not null default 0,   -- grows whenever the job changes hands
    deaths          integer not null default 0,
    worker_id       text,
    lease_until_ms  integer                       -- null: nobody holds it
) strict;

-- Partial, so that their size follows the work at hand and not the history.
create index jobs_queued on jobs (engine, seq) where status = 'queued';
create index jobs_backlogged on jobs (workspace_id, seq) where status = 'backlogged';
create index jobs_leased on jobs (lease_until_ms) where lease_until_ms is not null;
create index jobs_of_workspace on jobs (workspace_id, job_id);

create table idempotency (
    workspace_id text not null,
    key          text not null,
    fingerprint  text not null,
    job_id       text not null,
    used_at_ms   integer not null,
    primary key (workspace_id, key)
) strict, without rowid;

create index idempotency_used on idempotency (used_at_ms);

create table deliveries (
    seq                integer primary key,
    delivery_id        text not null unique,
    workspace_id       text not null,
    job_id             text not null,
    event              text not null,
    engine             text not null,
    url                text not null,
    destination        text not null,
    body               text not null,             -- the very bytes that are sent, in UTF-8
    created_at_ms      integer not null,
    status             text not null,
    attempts_count     integer not null default 0,
    next_attempt_at_ms integer,
    ended_at_ms        integer,
    epoch              integer not null default 0,
    lease_until_ms     integer                    -- null: no dispatcher holds it
) strict;

create index deliveries_due on deliveries (destination, next_attempt_at_ms)
 where status = 'waiting' and lease_until_ms is null;
create index deliveries_leased on deliveries (lease_until_ms) where lease_until_ms is not null;
create index deliveries_of_job on deliveries (job_id);

create table attempts (
    delivery_id   text not null,
    number        integer not null,
    started_at_ms integer not null,
    duration_ms   integer not null,
    address       text,
    status_code   integer,
    reason        text,
    response      blob not null,
    primary key (delivery_id, number)
) strict;
