-- name: cancel_interim
update deliveries
   set status = 'cancelled', ended_at_ms = :now_ms, next_attempt_at_ms = null, epoch = epoch + 1,
       lease_until_ms = null
 where job_id = any(:job_ids::text[]) and status = 'waiting'
   and event in ('job.backlogged', 'job.started', 'job.progress')

-- name: cancel_old_progress
update deliveries
   set status = 'cancelled', ended_at_ms = :now_ms, next_attempt_at_ms = null, epoch = epoch + 1
 where job_id = :job_id and status = 'waiting' and lease_until_ms is null
   and event in ('job.backlogged', 'job.started', 'job.progress') and event = 'job.progress'

-- name: progress_under_way
select url, endpoint_id from deliveries
 where job_id = :job_id and status = 'waiting' and lease_until_ms is not null
   and event in ('job.backlogged', 'job.started', 'job.progress') and event = 'job.progress'

-- name: begin_round
update deliveries
   set status = 'waiting', round_attempts_count = 0, round_started_at_ms = :now_ms,
       next_attempt_at_ms = :now_ms, ended_at_ms = null, epoch = epoch + 1, lease_until_ms = null
 where delivery_id = :delivery_id and epoch = :epoch and lease_until_ms is null
returning destination_id

-- name: end_delivery
update deliveries
   set status = :status, ended_at_ms = :now_ms, next_attempt_at_ms = null, epoch = epoch + 1,
       lease_until_ms = null
 where delivery_id = :delivery_id and epoch = :epoch and status = 'waiting'
returning delivery_id

-- name: is_held
select 1 from deliveries
 where delivery_id = :delivery_id and epoch = :epoch and lease_until_ms is not null

-- name: attempts_of
select delivery_id, number, started_at_ms, duration_ms, address, status_code, reason, timings,
       request_headers, response_headers, reused, truncated, response, detail
  from attempts where delivery_id = any(:delivery_ids::text[]) order by delivery_id, number

-- name: count_deliveries
select status, count(*) from deliveries group by status
