-- name: lead
-- Those who do not lead only look: a thousand processes do so every second.
insert into leaders (what, holder, until_ms)
select :what::text, :holder::text, :until_ms::bigint
 where not exists (select 1 from leaders
                    where what = :what::text and holder <> :holder::text and until_ms > :now_ms::bigint)
    on conflict (what) do update set holder = excluded.holder, until_ms = excluded.until_ms
    where leaders.holder = excluded.holder or leaders.until_ms <= :now_ms::bigint
returning holder

-- name: drain_role
insert into drained_roles (role, since_ms) values (:role::text, :now_ms::bigint) on conflict (role) do nothing

-- name: undrain_role
delete from drained_roles where role = :role

-- name: drained_roles
select role from drained_roles

-- name: queued
select engine, model, count(*), min(created_at_ms) from jobs
 where status = 'queued' group by engine, model order by engine, model

-- name: holders
select worker_id, count(*), max(lease_until_ms) from jobs
 where lease_until_ms is not null group by worker_id order by worker_id

-- name: held_jobs
select {job_columns} from jobs
 where lease_until_ms is not null and worker_id = :worker_id order by job_id limit :limit

-- name: due_stats
select (select count(*) from deliveries
         where status = 'waiting' and lease_until_ms is null and next_attempt_at_ms <= :now_ms::bigint),
       (select min(next_due_at_ms) from destinations where next_due_at_ms <= :now_ms::bigint),
       (select count(*) from deliveries where lease_until_ms is not null)

-- name: move_due_times
-- To no earlier than now: the order of due times stays, and with it each destination's earliest.
update deliveries
   set next_attempt_at_ms = case when next_attempt_at_ms + :by_ms > :now_ms
                                 then next_attempt_at_ms + :by_ms else :now_ms end
 where status = 'waiting' and lease_until_ms is null and next_attempt_at_ms > :now_ms
   and event not in ('job.backlogged', 'job.started', 'job.progress')

-- name: move_interim_due_times
update deliveries
   set next_attempt_at_ms = case when next_attempt_at_ms + :by_ms > :now_ms
                                 then next_attempt_at_ms + :by_ms else :now_ms end
 where status = 'waiting' and lease_until_ms is null and next_attempt_at_ms > :now_ms
   and event in ('job.backlogged', 'job.started', 'job.progress')

-- name: move_leases_of_deliveries
update deliveries set lease_until_ms = lease_until_ms + :by_ms
 where lease_until_ms > :now_ms

-- name: move_leases_of_jobs
update jobs set lease_until_ms = lease_until_ms + :by_ms
 where lease_until_ms > :now_ms

-- name: move_destinations
update destinations
   set next_due_at_ms = case when next_due_at_ms + :by_ms > :now_ms
                             then next_due_at_ms + :by_ms
                             when next_due_at_ms > :now_ms then :now_ms
                             else next_due_at_ms end,
       open_until_ms = case when open_until_ms > :now_ms
                            then open_until_ms + :by_ms else open_until_ms end
 where next_due_at_ms > :now_ms or open_until_ms > :now_ms

-- name: move_keys
update idempotency set used_at_ms = used_at_ms + :by_ms
