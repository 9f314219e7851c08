-- Events hold the bodies; deliveries bring them. Destinations hold due times and breakers, so that
-- looking for work costs the same however many of them wait.

create table events (
    seq           integer primary key autoincrement,  -- the order of commits; never used again,
                                                      -- as readers of the feed go on from it
    event_id      text not null,
    workspace_id  text not null,
    job_id        text not null,                  -- empty: not of a job
    type          text not null,
    engine        text not null,
    model         text not null,
    created_at_ms integer not null,
    body          text not null                   -- the very bytes that are sent, in UTF-8
) strict;

create index events_of_workspace on events (workspace_id, seq);

create table destinations (
    destination_id integer primary key,
    workspace_id   text not null,
    origin         text not null,
    next_due_at_ms integer,                       -- of its deliveries that nobody holds
    failures_count integer not null default 0,    -- these five are the breaker
    open_until_ms  integer,
    openings_count integer not null default 0,
    flight         integer not null default 0,
    flying         integer not null default 0,
    paused_at_ms   integer,                       -- by a person
    unique (workspace_id, origin)
) strict;

-- The time at which a destination may next be handed something, breaker and all.
create index destinations_due on destinations (max(next_due_at_ms, coalesce(open_until_ms, 0)))
 where next_due_at_ms is not null and paused_at_ms is null;

create table endpoints (
    endpoint_id      text primary key,
    workspace_id     text not null,
    url              text not null,
    destination      text not null,
    created_at_ms    integer not null,
    description      text not null,
    events           text not null,               -- JSON, as are the three that follow
    models           text not null,
    headers          text,                        -- sealed
    header_names     text not null,
    schedule_s       text,
    disabled_at_ms   integer,
    disabled_reason  text,
    failing_since_ms integer,
    warned_percent   integer not null default 0,
    missed_since_ms  integer
) strict;

create index endpoints_of_workspace on endpoints (workspace_id, endpoint_id);

create table secrets (
    key_id        text primary key,
    owner         text not null,                  -- workspace:ID or endpoint:ID
    kind          text not null,                  -- v1 or v1a
    sealed        text not null,
    public        text,                           -- of v1a
    created_at_ms integer not null,
    retires_at_ms integer
) strict;

create index secrets_of on secrets (owner);
create index secrets_retired on secrets (retires_at_ms) where retires_at_ms is not null;

create table chores (
    chore_id      text primary key,
    workspace_id  text not null,
    kind          text not null,
    wanted        text not null,                  -- a filter, as JSON
    created_at_ms integer not null,
    rate          integer not null,
    first_seq     integer not null,
    cursor        integer not null,
    last_seq      integer not null,
    done_count    integer not null,
    ended_at_ms   integer,
    cancelled     integer not null
) strict;

create index chores_open on chores (created_at_ms) where ended_at_ms is null;
create index chores_of_workspace on chores (workspace_id, chore_id);

-- Secrets of earlier versions stand here plain until the server starts and seals them.
insert into secrets (key_id, owner, kind, sealed, created_at_ms)
select 'sk_' || lower(hex(randomblob(8))), 'workspace:' || workspace_id, 'v1', secret, created_at_ms
  from workspaces;
alter table workspaces drop column secret;

-- The books: what was ever accepted and owed, and how much of it retention has taken.
alter table workspaces add column accepted_count integer not null default 0;
alter table workspaces add column owed_count integer not null default 0;
alter table workspaces add column jobs_pruned_count integer not null default 0;
alter table workspaces add column deliveries_pruned_count integer not null default 0;
alter table workspaces add column endpoints_count integer not null default 0;
update workspaces
   set accepted_count = (select count(*) from jobs
                          where jobs.workspace_id = workspaces.workspace_id),
       owed_count = (select count(*) from deliveries
                      where deliveries.workspace_id = workspaces.workspace_id);
insert into workspaces (workspace_id, created_at_ms) values ('ringback:operator', 0);

alter table jobs add column webhook_events text not null default '[]';
alter table jobs add column lab text;

create index jobs_of_type on jobs (workspace_id, type, job_id);
create index jobs_ended on jobs (workspace_id, status, type, job_id)
 where completed_at_ms is not null;
create index jobs_pending on jobs (workspace_id, job_id) where completed_at_ms is null;

insert into events (seq, event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select d.seq, d.delivery_id, d.workspace_id, d.job_id, d.event, d.engine,
       coalesce((select model from jobs where jobs.job_id = d.job_id), ''), d.created_at_ms, d.body
  from deliveries d;

insert into destinations (workspace_id, origin, next_due_at_ms)
select workspace_id, destination,
       min(next_attempt_at_ms) filter (where status = 'waiting' and lease_until_ms is null)
  from deliveries group by workspace_id, destination;

drop index deliveries_due;
drop index deliveries_leased;
alter table deliveries drop column engine;
alter table deliveries drop column body;
alter table deliveries add column event_seq integer not null default 0;
alter table deliveries add column endpoint_id text;
alter table deliveries add column lab text;
alter table deliveries add column reason text;
alter table deliveries add column round_attempts_count integer not null default 0;
alter table deliveries add column round_started_at_ms integer not null default 0;
alter table deliveries add column destination_id integer not null default 0;
update deliveries
   set event_seq = seq, round_attempts_count = attempts_count, round_started_at_ms = created_at_ms,
       destination_id = (select destination_id from destinations
                          where destinations.workspace_id = deliveries.workspace_id
                            and destinations.origin = deliveries.destination),
       reason = (select reason from attempts
                  where attempts.delivery_id = deliveries.delivery_id
                    and attempts.number = deliveries.attempts_count);

-- Passing events stand in a line of their own, so that no end of a job waits behind them.
create index deliveries_due on deliveries (destination_id, next_attempt_at_ms)
 where status = 'waiting' and lease_until_ms is null
   and event not in ('job.backlogged', 'job.started', 'job.progress');
create index deliveries_passing_due on deliveries (destination_id, next_attempt_at_ms)
 where status = 'waiting' and lease_until_ms is null
   and event in ('job.backlogged', 'job.started', 'job.progress');
create index deliveries_leased on deliveries (lease_until_ms) where lease_until_ms is not null;
create index deliveries_of_workspace on deliveries (workspace_id, seq);
drop index deliveries_of_job;
create index deliveries_of_job on deliveries (job_id, event_seq);
create index deliveries_to on deliveries (destination_id, seq);
create index deliveries_of_endpoint on deliveries (endpoint_id, seq)
 where endpoint_id is not null;
create index deliveries_troubled on deliveries (workspace_id, status, seq)
 where status not in ('waiting', 'delivered');
create index deliveries_by_reason on deliveries (workspace_id, reason, seq)
 where reason is not null;
create index deliveries_passing on deliveries (job_id)
 where status = 'waiting' and event in ('job.backlogged', 'job.started', 'job.progress');

alter table attempts add column timings text;     -- JSON: dns, connect, tls, first byte; ms
alter table attempts add column request_headers text;
alter table attempts add column response_headers text;
alter table attempts add column reused integer not null default 0;
alter table attempts add column truncated integer not null default 0;

-- How far retention has come in each table; what is before the cursor was looked at.
create table retention (
    what   text primary key,
    cursor integer not null
) strict, without rowid;
