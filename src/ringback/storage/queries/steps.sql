-- name: get_step
select {job_columns} from jobs where run_id = :run_id and step = :step

-- name: steps_of
select {job_columns} from jobs where run_id = :run_id order by job_id

-- name: pending_count
select count(*) from jobs where run_id = :run_id and completed_at_ms is null

-- name: stray_steps
select {job_columns} from jobs
 where run_id is not null and completed_at_ms is null
   and not exists (select 1 from jobs r
                    where r.job_id = jobs.run_id and r.completed_at_ms is null)
 limit :limit
