-- name: next_answers
select rowid, started_at_ms < :before_ms, 1 from attempts where rowid > :cursor
 order by rowid limit :limit

-- name: prune_answers
update attempts set response = x'', response_headers = ''
 where rowid in (select value from json_each(:keys))

-- name: next_attempts
select rowid, started_at_ms < :before_ms, 1 from attempts where rowid > :cursor
 order by rowid limit :limit

-- name: prune_attempts
delete from attempts where rowid in (select value from json_each(:keys))

-- name: rewind_answers
-- Where all attempts went, the next ones have numbers that were met before.
update retention set cursor = 0
 where what = 'answers' and cursor > (select coalesce(max(rowid), 0) from attempts)

-- name: next_jobs
-- What a step made is a result of its run too, and stays for as long as that.
select seq, created_at_ms < :before_ms,
       coalesce(completed_at_ms < :before_ms, 0)
       and (run_id is null
            or not exists (select 1 from jobs r
                            where r.job_id = jobs.run_id
                              and coalesce(r.completed_at_ms >= :before_ms, 1)))
  from jobs
 where seq > :cursor order by seq limit :limit

-- name: files_of
-- Not results of runs: their steps made them, or they are assets, which are kept for themselves.
select case when kind <> 'app' then result end, base_url, input_files
  from jobs where seq in (select value from json_each(:keys))

-- name: prune_prompts
delete from prompts where rowid in (select value from json_each(:keys))

-- name: prune_jobs
delete from jobs where seq in (select value from json_each(:keys))
returning workspace_id

-- name: rewind_prompts
-- Where the newest jobs went, the next ones have numbers that were met before.
update prompts_place set place = (select coalesce(max(seq), 0) from jobs)
 where place > (select coalesce(max(seq), 0) from jobs)

-- name: count_pruned_jobs
update workspaces set jobs_pruned_count = jobs_pruned_count + (r.value ->> 1)
  from json_each(:rows) r where workspaces.workspace_id = r.value ->> 0

-- name: next_deliveries
select seq, created_at_ms < :before_ms, coalesce(ended_at_ms < :before_ms, 0) from deliveries
 where seq > :cursor order by seq limit :limit

-- name: prune_attempts_of
delete from attempts
 where delivery_id in (select delivery_id from deliveries
                        where seq in (select value from json_each(:keys)))

-- name: prune_deliveries
delete from deliveries where seq in (select value from json_each(:keys))
returning workspace_id

-- name: count_pruned_deliveries
update workspaces set deliveries_pruned_count = deliveries_pruned_count + (r.value ->> 1)
  from json_each(:rows) r where workspaces.workspace_id = r.value ->> 0

-- name: next_events
select seq, created_at_ms < :before_ms,
       not exists (select 1 from deliveries d indexed by deliveries_of_job
                    where d.job_id = events.job_id and d.event_seq = events.seq)
  from events where seq > :cursor order by seq limit :limit

-- name: prune_events
delete from events where seq in (select value from json_each(:keys))

-- name: next_destinations
select destination_id, 1,
       next_due_at_ms is null and open_until_ms is null and paused_at_ms is null
       and not exists (select 1 from deliveries d indexed by deliveries_to
                        where d.destination_id = destinations.destination_id)
  from destinations where destination_id > :cursor order by destination_id limit :limit
