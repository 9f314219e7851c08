-- Each reads a bounded number of rows by an index, newest first, and sums them up.

-- name: delivery_counts
select hour, destination_id, status, is_retrying, count(*)
  from (select (created_at_ms - :since_ms::bigint) / 3600000 as hour, destination_id, status,
               case when status = 'waiting' and reason is not null and round_attempts_count > 0
                    then 1 else 0 end as is_retrying,
               created_at_ms
          from deliveries where workspace_id = :workspace_id
         order by seq desc limit :limit) newest
 where created_at_ms >= :since_ms::bigint
 group by hour, destination_id, status, is_retrying

-- name: job_counts
select status, count(*), min(created_at_ms)
  from (select status, created_at_ms from jobs
         where workspace_id = :workspace_id and job_id >= :first_id
         order by job_id desc limit :limit) newest
 group by status

-- name: pending_counts
select status, count(*), min(created_at_ms)
  from (select status, created_at_ms from jobs
         where workspace_id = :workspace_id and completed_at_ms is null
         order by job_id desc limit :limit) pending
 group by status

-- name: last_status_codes
select d.delivery_id, a.status_code
  from deliveries d join attempts a
    on a.delivery_id = d.delivery_id and a.number = d.attempts_count
 where d.delivery_id = any(:delivery_ids::text[]) and a.status_code is not null

-- name: jobs_with_ids
select {job_columns} from jobs where job_id = any(:job_ids::text[])

-- name: destinations_with_ids
select {destination_columns} from destinations
 where destination_id = any(:destination_ids::bigint[])

-- name: oldest_waiting
-- By destination, where the index of waiting deliveries begins; interim events are not owed.
select delivery_id, created_at_ms, count(*) over ()
  from (select d.delivery_id, d.created_at_ms
          from destinations s join deliveries d on d.destination_id = s.destination_id
         where s.workspace_id = :workspace_id and s.next_due_at_ms is not null
           and d.status = 'waiting' and d.lease_until_ms is null
           and d.event not in ('job.backlogged', 'job.started', 'job.progress')
         limit :limit) waiting
 order by created_at_ms, delivery_id limit 1
