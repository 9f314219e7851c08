-- name: next_answers
select seq, started_at_ms < :before_ms, true from attempts where seq > :cursor
 order by seq limit :limit

-- name: prune_answers
update attempts set response = '', response_headers = ''
 where seq = any(:keys::bigint[])

-- name: next_attempts
select seq, started_at_ms < :before_ms, true from attempts_rest where seq > :cursor
 order by seq limit :limit

-- name: prune_attempts
delete from attempts_rest where seq = any(:keys::bigint[])

-- name: rewind_answers
-- A sequence's numbers never come again: no attempt is met with one that was passed before.
select where false

-- name: next_jobs
-- What a step made is a result of its run too, and stays for as long as that.
select seq, created_at_ms < :before_ms,
       coalesce(completed_at_ms < :before_ms, false)
       and (run_id is null
            or not exists (select 1 from jobs r
                            where r.job_id = jobs_rest.run_id
                              and coalesce(r.completed_at_ms >= :before_ms, true)))
  from jobs_rest
 where seq > :cursor order by seq limit :limit

-- name: files_of
-- Not results of runs: their steps made them, or they are assets, which are kept for themselves.
select case when kind <> 'app' then result end, base_url, input_files
  from jobs_rest where seq = any(:keys::bigint[])

-- name: prune_prompts
delete from prompts
 where job_id in (select job_id from jobs_rest where seq = any(:keys::bigint[]))

-- name: prune_jobs
delete from jobs_rest where seq = any(:keys::bigint[])
returning workspace_id

-- name: rewind_prompts
-- It goes by ids, which never come again.
select where false

-- name: count_pruned_jobs
update workspaces set jobs_pruned_count = jobs_pruned_count + r.count
  from {rows: workspace_id text, count bigint} where workspaces.workspace_id = r.workspace_id

-- name: next_deliveries
select seq, created_at_ms < :before_ms, coalesce(ended_at_ms < :before_ms, false) from deliveries_rest
 where seq > :cursor order by seq limit :limit

-- name: prune_attempts_of
delete from attempts
 where delivery_id in (select delivery_id from deliveries_rest
                        where seq = any(:keys::bigint[]))

-- name: prune_deliveries
delete from deliveries_rest where seq = any(:keys::bigint[])
returning workspace_id

-- name: count_pruned_deliveries
update workspaces set deliveries_pruned_count = deliveries_pruned_count + r.count
  from {rows: workspace_id text, count bigint} where workspaces.workspace_id = r.workspace_id

-- name: next_events
select seq, created_at_ms < :before_ms,
       not exists (select 1 from deliveries d
                    where d.job_id = e.job_id and d.event_seq = e.seq)
  from events_rest e where seq > :cursor order by seq limit :limit

-- name: prune_events
delete from events_rest where seq = any(:keys::bigint[])

-- name: next_destinations
select destination_id, true,
       next_due_at_ms is null and open_until_ms is null and paused_at_ms is null
       and not exists (select 1 from deliveries d
                        where d.destination_id = destinations.destination_id)
  from destinations where destination_id > :cursor order by destination_id limit :limit
