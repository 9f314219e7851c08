-- Jobs, events, deliveries and attempts are partitioned by the time in their ids (UUID version 7),
-- so that forgetting old ones is dropping a table. Ids are texts in the order of their bytes, which
-- is the order of time. What has no time, or one for which there is no partition, lies in the rest.

create table workspaces (
    workspace_id            text collate "C" primary key,
    created_at_ms           bigint not null,
    active_count            bigint not null default 0,  -- pending jobs that are not backlogged
    backlogged_count        bigint not null default 0,
    accepted_count          bigint not null default 0,
    owed_count              bigint not null default 0,
    jobs_pruned_count       bigint not null default 0,
    deliveries_pruned_count bigint not null default 0,
    endpoints_count         bigint not null default 0
) with (fillfactor = 50);
insert into workspaces (workspace_id, created_at_ms) values ('ringback:operator', 0);

create table tokens (
    token_id      text collate "C" primary key,
    workspace_id  text collate "C" not null references workspaces,
    digest        text collate "C" not null unique,
    hint          text not null,
    created_at_ms bigint not null,
    revoked_at_ms bigint
);

create sequence jobs_seq;
create table jobs (
    seq             bigint not null default nextval('jobs_seq'),  -- within a workspace, the order of commits
    job_id          text collate "C" not null,
    workspace_id    text collate "C" not null,
    kind            text not null,
    model           text not null,
    type            text collate "C" not null,
    engine          text collate "C" not null,
    input           text not null,
    created_at_ms   bigint not null,
    base_url        text not null,
    status          text not null,
    webhook_url     text,
    completed_at_ms bigint,
    result          text,
    progress        double precision not null default 0,
    epoch           bigint not null default 0,     -- grows whenever the job changes hands
    deaths          bigint not null default 0,
    webhook_events  text not null default '[]',
    lab             text,
    worker_id       text,
    lease_until_ms  bigint,                        -- null: nobody holds it
    primary key (job_id)
) partition by range (job_id);

-- Partial, so that their size follows the work at hand and not the history.
create index jobs_queued on jobs (engine, seq) where status = 'queued';
create index jobs_backlogged on jobs (workspace_id, seq) where status = 'backlogged';
create index jobs_leased on jobs (lease_until_ms) where lease_until_ms is not null;
create index jobs_pending on jobs (workspace_id, job_id) where completed_at_ms is null;
create index jobs_ended on jobs (workspace_id, status, type, job_id) where completed_at_ms is not null;
create index jobs_of_workspace on jobs (workspace_id, job_id);
create index jobs_of_type on jobs (workspace_id, type, job_id);
create table jobs_rest partition of jobs default;
create index jobs_rest_in_order on jobs_rest (seq);

create table idempotency (
    workspace_id text collate "C" not null,
    key          text collate "C" not null,
    fingerprint  text not null,
    job_id       text collate "C" not null,
    used_at_ms   bigint not null,
    primary key (workspace_id, key)
);
create index idempotency_used on idempotency (used_at_ms);

create sequence events_seq;
create table events (
    seq           bigint not null default nextval('events_seq'),  -- within a workspace, the order of commits
    event_id      text collate "C" not null,
    workspace_id  text collate "C" not null,
    job_id        text collate "C" not null,       -- empty: not of a job
    type          text not null,
    engine        text not null,
    model         text not null,
    created_at_ms bigint not null,
    body          text not null,                   -- the very bytes that are sent, in UTF-8
    primary key (event_id)
) partition by range (event_id);
create index events_of_workspace on events (workspace_id, seq);
create table events_rest partition of events default;
create index events_rest_in_order on events_rest (seq);

create sequence destinations_id;
create table destinations (
    destination_id bigint primary key default nextval('destinations_id'),
    workspace_id   text collate "C" not null,
    origin         text collate "C" not null,
    next_due_at_ms bigint,                         -- of its deliveries that nobody holds
    failures_count bigint not null default 0,      -- these five are the breaker
    open_until_ms  bigint,
    openings_count bigint not null default 0,
    flight         bigint not null default 0,
    flying         bigint not null default 0,
    paused_at_ms   bigint,                         -- by a person
    unique (workspace_id, origin)
) with (fillfactor = 50);
-- The time at which a destination may next be handed something, breaker and all.
create index destinations_due on destinations (greatest(next_due_at_ms, coalesce(open_until_ms, 0)))
 where next_due_at_ms is not null and paused_at_ms is null;

create sequence deliveries_seq;
create table deliveries (
    seq                  bigint not null default nextval('deliveries_seq'),
    delivery_id          text collate "C" not null,
    workspace_id         text collate "C" not null,
    job_id               text collate "C" not null,
    event                text not null,
    event_seq            bigint not null,
    event_id             text collate "C" not null,
    url                  text not null,
    destination          text not null,
    destination_id       bigint not null,
    endpoint_id          text collate "C",
    lab                  text,
    created_at_ms        bigint not null,
    status               text not null,
    reason               text,
    attempts_count       bigint not null default 0,
    round_attempts_count bigint not null default 0,
    round_started_at_ms  bigint not null default 0,
    next_attempt_at_ms   bigint,
    ended_at_ms          bigint,
    epoch                bigint not null default 0,
    lease_until_ms       bigint,                   -- null: no dispatcher holds it
    primary key (delivery_id)
) partition by range (delivery_id);

-- Passing events stand in a line of their own, so that no end of a job waits behind them.
create index deliveries_due on deliveries (destination_id, next_attempt_at_ms)
 where status = 'waiting' and lease_until_ms is null
   and event not in ('job.backlogged', 'job.started', 'job.progress');
create index deliveries_passing_due on deliveries (destination_id, next_attempt_at_ms)
 where status = 'waiting' and lease_until_ms is null
   and event in ('job.backlogged', 'job.started', 'job.progress');
create index deliveries_leased on deliveries (lease_until_ms) where lease_until_ms is not null;
create index deliveries_in_order on deliveries (seq);
create index deliveries_of_workspace on deliveries (workspace_id, seq);
create index deliveries_of_job on deliveries (job_id, event_seq);
create index deliveries_to on deliveries (destination_id, seq);
create index deliveries_of_endpoint on deliveries (endpoint_id, seq) where endpoint_id is not null;
create index deliveries_troubled on deliveries (workspace_id, status, seq)
 where status not in ('waiting', 'delivered');
create index deliveries_by_reason on deliveries (workspace_id, reason, seq) where reason is not null;
create index deliveries_passing on deliveries (job_id)
 where status = 'waiting' and event in ('job.backlogged', 'job.started', 'job.progress');
create table deliveries_rest partition of deliveries default;

create sequence attempts_seq;
create table attempts (
    seq              bigint not null default nextval('attempts_seq'),
    delivery_id      text collate "C" not null,
    number           bigint not null,
    started_at_ms    bigint not null,
    duration_ms      bigint not null,
    address          text,
    status_code      bigint,
    reason           text,
    timings          text,                         -- JSON: dns, connect, tls, first byte; ms
    request_headers  text,
    response_headers text,
    reused           boolean not null default false,
    truncated        boolean not null default false,
    response         bytea not null,
    primary key (delivery_id, number)
) partition by range (delivery_id);
create index attempts_in_order on attempts (seq);
create table attempts_rest partition of attempts default;

create table endpoints (
    endpoint_id      text collate "C" primary key,
    workspace_id     text collate "C" not null,
    url              text not null,
    destination      text not null,
    created_at_ms    bigint not null,
    description      text not null,
    events           text not null,                -- JSON, as are the three that follow
    models           text not null,
    headers          text,                         -- sealed
    header_names     text not null,
    schedule_s       text,
    disabled_at_ms   bigint,
    disabled_reason  text,
    failing_since_ms bigint,
    warned_percent   bigint not null default 0,
    missed_since_ms  bigint
);
create index endpoints_of_workspace on endpoints (workspace_id, endpoint_id);

create table secrets (
    key_id        text collate "C" primary key,
    owner         text collate "C" not null,       -- workspace:ID or endpoint:ID
    kind          text not null,                   -- v1 or v1a
    sealed        text not null,
    public        text,                            -- of v1a
    created_at_ms bigint not null,
    retires_at_ms bigint
);
create index secrets_of on secrets (owner);
create index secrets_retired on secrets (retires_at_ms) where retires_at_ms is not null;

create table chores (
    chore_id      text collate "C" primary key,
    workspace_id  text collate "C" not null,
    kind          text not null,
    wanted        text not null,                   -- a filter, as JSON
    created_at_ms bigint not null,
    rate          bigint not null,
    first_seq     bigint not null,
    cursor        bigint not null,
    last_seq      bigint not null,
    done_count    bigint not null,
    ended_at_ms   bigint,
    cancelled     bigint not null
);
create index chores_open on chores (created_at_ms) where ended_at_ms is null;
create index chores_of_workspace on chores (workspace_id, chore_id);

-- How far retention has come in each table; what is before the cursor was looked at.
create table retention (
    what   text primary key,
    cursor bigint not null
);
