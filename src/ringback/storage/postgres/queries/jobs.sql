-- name: known_keys
select i.workspace_id, i.key, i.fingerprint, i.job_id
  from {keys: workspace_id text, key text, kept_since_ms bigint}
  join idempotency i on i.workspace_id = r.workspace_id and i.key = r.key
 where i.used_at_ms >= r.kept_since_ms

-- name: insert_keys
insert into idempotency (workspace_id, key, fingerprint, job_id, used_at_ms)
select * from {rows: workspace_id text, key text, fingerprint text, job_id text, used_at_ms bigint}
    on conflict (workspace_id, key) do update
   set fingerprint = excluded.fingerprint, job_id = excluded.job_id,
       used_at_ms = excluded.used_at_ms

-- name: forget_keys
delete from idempotency
 where (workspace_id, key) in (select workspace_id, key from idempotency
                                where used_at_ms < :used_before_ms
                                order by used_at_ms limit :limit for update skip locked)
returning key

-- name: insert_jobs
insert into jobs ({job_columns})
select * from {rows: job_id text, workspace_id text, kind text, model text, type text, engine text,
               input text, created_at_ms bigint, base_url text, status text, webhook_url text,
               completed_at_ms bigint, result text, progress double precision, epoch bigint,
               deaths bigint, webhook_events text, lab text, priority bigint, marks text,
               memo text, compute_units double precision, token_id text,
               run_id text, step text, input_files text}

-- name: lanes
-- Whose jobs are queued, found by seeking from each to the next.
with recursive l (workspace_id) as (
    (select workspace_id from jobs
      where engine = :engine and status = 'queued'
        and workspace_id > :after and workspace_id <= :until
        and (:models::text[] is null or model = any(:models::text[]))
        and (:passed_over::text[] is null or job_id <> all(:passed_over::text[]))
      order by workspace_id limit 1)
    union all
    select (select j.workspace_id from jobs j
             where j.engine = :engine and j.status = 'queued'
               and j.workspace_id > l.workspace_id and j.workspace_id <= :until
               and (:models::text[] is null or j.model = any(:models::text[]))
               and (:passed_over::text[] is null or j.job_id <> all(:passed_over::text[]))
             order by j.workspace_id limit 1)
      from l where l.workspace_id is not null)
select workspace_id from l
 where workspace_id is not null and workspace_id <> all(:full::text[])
 limit :limit

-- name: claim_jobs
-- Passing over those that another claim has taken, and not yet committed.
with taken as materialized (
    select q.job_id as id, l.turn,
           row_number() over (partition by l.turn order by q.priority desc, q.seq) as round
      from unnest(:lanes::text[]) with ordinality as l (workspace_id, turn)
     cross join lateral (
           select j.job_id, j.priority, j.seq from jobs j
            where j.engine = :engine and j.workspace_id = l.workspace_id and j.status = 'queued'
              and (:models::text[] is null or j.model = any(:models::text[]))
              and (:passed_over::text[] is null or j.job_id <> all(:passed_over::text[]))
            order by j.priority desc, j.seq limit :share for update skip locked) q),
chosen as materialized (select id from taken order by round, turn limit :limit)
update jobs
   set status = 'scheduled', epoch = epoch + 1, worker_id = :worker_id,
       lease_until_ms = :lease_until_ms
  from chosen where job_id = chosen.id
returning seq, {job_columns}

-- name: hold_jobs
update jobs
   set status = r.status, progress = r.progress, result = r.result,
       lease_until_ms = r.lease_until_ms, marks = r.marks, memo = r.memo
  from {rows: job_id text, epoch bigint, status text, progress double precision, result text,
        lease_until_ms bigint, marks text, memo text}
 where jobs.job_id = r.job_id and jobs.epoch = r.epoch
returning jobs.job_id, jobs.epoch

-- name: extend_leases
update jobs
   set lease_until_ms = r.lease_until_ms
  from {rows: job_id text, epoch bigint, lease_until_ms bigint}
 where jobs.job_id = r.job_id and jobs.epoch = r.epoch
returning jobs.job_id, jobs.epoch

-- name: requeue_jobs
update jobs
   set status = r.status, deaths = r.deaths, marks = r.marks, epoch = jobs.epoch + 1,
       progress = 0, result = null, worker_id = null, lease_until_ms = null
  from {rows: job_id text, epoch bigint, status text, deaths bigint, marks text}
 where jobs.job_id = r.job_id and jobs.epoch = r.epoch
returning jobs.job_id, jobs.epoch

-- name: end_jobs
update jobs
   set status = r.status, progress = r.progress, result = r.result,
       completed_at_ms = r.completed_at_ms, deaths = r.deaths, marks = r.marks,
       epoch = jobs.epoch + 1, worker_id = null, lease_until_ms = null
  from {rows: job_id text, epoch bigint, status text, progress double precision, result text,
        completed_at_ms bigint, deaths bigint, marks text}
 where jobs.job_id = r.job_id and jobs.epoch = r.epoch
returning jobs.job_id, jobs.epoch

-- name: admit_jobs
with next as materialized (
    select job_id as id from jobs
     where workspace_id = :workspace_id and status = 'backlogged'
     order by priority desc, seq limit :limit for update)
update jobs
   set status = 'queued', epoch = epoch + 1
  from next where job_id = next.id

-- name: types_of
with recursive t (type) as (
    (select type from jobs where workspace_id = :workspace_id order by type limit 1)
    union all
    select (select j.type from jobs j where j.workspace_id = :workspace_id and j.type > t.type
             order by j.type limit 1)
      from t where t.type is not null)
select type from t where type is not null

-- name: queued_engines
with recursive e (engine) as (
    (select engine from jobs where status = 'queued' order by engine limit 1)
    union all
    select (select j.engine from jobs j where j.status = 'queued' and j.engine > e.engine
             order by j.engine limit 1)
      from e where e.engine is not null)
select engine from e where engine is not null
