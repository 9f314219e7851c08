-- name: known_keys
select i.workspace_id, i.key, i.fingerprint, i.job_id
  from json_each(:keys) k
  join idempotency i on i.workspace_id = k.value ->> 0 and i.key = k.value ->> 1
 where i.used_at_ms >= k.value ->> 2

-- name: insert_keys
insert or replace into idempotency (workspace_id, key, fingerprint, job_id, used_at_ms)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
  from json_each(:rows)

-- name: forget_keys
delete from idempotency
 where (workspace_id, key) in (select workspace_id, key from idempotency
                                where used_at_ms < :used_before_ms
                                order by used_at_ms limit :limit)
returning key

-- name: insert_jobs
insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url,
                  status, webhook_url, completed_at_ms, result, progress, epoch, deaths,
                  webhook_events, lab, priority, marks, memo, compute_units, token_id,
                  run_id, step, input_files)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
       value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17,
       value ->> 18, value ->> 19, value ->> 20, value ->> 21, value ->> 22,
       value ->> 23, value ->> 24, value ->> 25
  from jsonb_each(:rows)

-- name: lanes
-- Whose jobs are queued, found by seeking from each to the next.
with recursive l (workspace_id) as (
    select min(workspace_id) from jobs
     where engine = :engine and status = 'queued'
       and workspace_id > :after and workspace_id <= :until
       and (:models is null or model in (select value from json_each(:models)))
       and (:passed_over is null or job_id not in (select value from json_each(:passed_over)))
    union all
    select (select min(workspace_id) from jobs
             where engine = :engine and status = 'queued'
               and workspace_id > l.workspace_id and workspace_id <= :until
               and (:models is null or model in (select value from json_each(:models)))
               and (:passed_over is null
                    or job_id not in (select value from json_each(:passed_over))))
      from l where l.workspace_id is not null)
select workspace_id from l
 where workspace_id is not null and workspace_id not in (select value from json_each(:full))
 limit :limit

-- name: claim_jobs
update jobs
   set status = 'scheduled', epoch = epoch + 1, worker_id = :worker_id,
       lease_until_ms = :lease_until_ms
 where seq in (
       select seq from (
           select j.seq, l.key as turn,
                  row_number() over (partition by l.key order by j.priority desc, j.seq) as round
             from json_each(:lanes) l
             join jobs j on j.seq in (select seq from jobs
                                       where engine = :engine and workspace_id = l.value
                                         and status = 'queued'
                                         and (:models is null or model in (select value from json_each(:models)))
                                         and (:passed_over is null
                                              or job_id not in (select value from json_each(:passed_over)))
                                       order by priority desc, seq limit :share))
        order by round, turn limit :limit)
returning seq, {job_columns}

-- name: hold_jobs
update jobs
   set status = r.value ->> 2, progress = r.value ->> 3, result = r.value ->> 4,
       lease_until_ms = r.value ->> 5, marks = r.value ->> 6, memo = r.value ->> 7
  from jsonb_each(:rows) r
 where jobs.job_id = r.value ->> 0 and jobs.epoch = r.value ->> 1
returning jobs.job_id, jobs.epoch

-- name: extend_leases
update jobs
   set lease_until_ms = r.value ->> 2
  from json_each(:rows) r
 where jobs.job_id = r.value ->> 0 and jobs.epoch = r.value ->> 1
returning jobs.job_id, jobs.epoch

-- name: requeue_jobs
update jobs
   set status = r.value ->> 2, deaths = r.value ->> 3, marks = r.value ->> 4,
       epoch = epoch + 1, progress = 0,
       result = null, worker_id = null, lease_until_ms = null
  from jsonb_each(:rows) r
 where jobs.job_id = r.value ->> 0 and jobs.epoch = r.value ->> 1
returning jobs.job_id, jobs.epoch

-- name: end_jobs
update jobs
   set status = r.value ->> 2, progress = r.value ->> 3, result = r.value ->> 4,
       completed_at_ms = r.value ->> 5, deaths = r.value ->> 6, marks = r.value ->> 7,
       epoch = epoch + 1,
       worker_id = null, lease_until_ms = null
  from jsonb_each(:rows) r
 where jobs.job_id = r.value ->> 0 and jobs.epoch = r.value ->> 1
returning jobs.job_id, jobs.epoch

-- name: admit_jobs
update jobs
   set status = 'queued', epoch = epoch + 1
 where seq in (select seq from jobs
                where workspace_id = :workspace_id and status = 'backlogged'
                order by priority desc, seq limit :limit)

-- name: types_of
with recursive t (type) as (
    select min(type) from jobs where workspace_id = :workspace_id
    union all
    select (select min(type) from jobs where workspace_id = :workspace_id and type > t.type)
      from t where t.type is not null)
select type from t where type is not null

-- name: queued_engines
with recursive e (engine) as (
    select min(engine) from jobs where status = 'queued'
    union all
    select (select min(engine) from jobs where status = 'queued' and engine > e.engine)
      from e where e.engine is not null)
select engine from e where engine is not null
