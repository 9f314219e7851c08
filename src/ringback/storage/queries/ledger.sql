-- name: accounts
select workspace_id, accepted_count, jobs_pruned_count, owed_count, deliveries_pruned_count,
       active_count, backlogged_count
  from workspaces order by workspace_id

-- name: jobs_by_status
select workspace_id, status, count(*) from jobs group by workspace_id, status

-- name: deliveries_by_status
select workspace_id, status, count(*) from deliveries group by workspace_id, status

-- name: end_without_time
select job_id from jobs
 where (status in ('completed', 'failed', 'cancelled')) <> (completed_at_ms is not null)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: end_that_is_held
select job_id from jobs
 where status in ('completed', 'failed', 'cancelled') and lease_until_ms is not null
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: delivered_without_2xx
select d.delivery_id from deliveries d
  left join attempts a on a.delivery_id = d.delivery_id and a.number = d.attempts_count
 where d.status = 'delivered'
   and (d.attempts_count = 0
        or (a.number is not null
            and (a.reason is not null or a.status_code not between 200 and 299)))
   and (:workspace_id::text is null or d.workspace_id = :workspace_id::text)
 limit :limit

-- name: waiting_for_nothing
select delivery_id from deliveries
 where status = 'waiting' and (next_attempt_at_ms is null or ended_at_ms is not null)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: ended_and_due
select delivery_id from deliveries
 where status <> 'waiting'
   and (next_attempt_at_ms is not null or lease_until_ms is not null or ended_at_ms is null)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: owed_twice
select min(delivery_id) from deliveries
 where :workspace_id::text is null or workspace_id = :workspace_id::text
 group by event_seq, url, endpoint_id having count(*) > 1
 limit :limit

-- name: destination_overslept
select d.origin from destinations d
 where (:workspace_id::text is null or workspace_id = :workspace_id::text)
   and exists (select 1 from deliveries w
                where w.destination_id = d.destination_id and w.status = 'waiting'
                  and w.lease_until_ms is null
                  and (d.next_due_at_ms is null or w.next_attempt_at_ms < d.next_due_at_ms))
 limit :limit

-- name: job_in_no_status
select job_id from jobs
 where status not in ('backlogged', 'queued', 'scheduled', 'processing', 'sampling',
                      'intermediate-complete', 'completed', 'failed', 'cancelled')
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: delivery_in_no_status
select delivery_id from deliveries
 where status not in ('waiting', 'delivered', 'exhausted', 'discarded', 'cancelled')
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: nobodys_job
select job_id from jobs
 where workspace_id not in (select workspace_id from workspaces)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: nobodys_delivery
select delivery_id from deliveries
 where workspace_id not in (select workspace_id from workspaces)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit
