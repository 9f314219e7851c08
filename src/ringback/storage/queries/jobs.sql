-- name: expired_jobs
select {job_columns} from jobs where lease_until_ms <= :now_ms order by lease_until_ms limit :limit

-- name: get_job
select {job_columns} from jobs where job_id = :job_id

-- name: list_jobs
select {job_columns} from jobs
 where workspace_id = :workspace_id and job_id < :before_id
 order by job_id desc limit :limit

-- name: list_of_type
select {job_columns} from jobs
 where workspace_id = :workspace_id and type = :type and job_id < :before_id
 order by job_id desc limit :limit

-- name: list_ended
select {job_columns} from jobs
 where workspace_id = :workspace_id and status = :status and type = :type
   and job_id < :before_id and completed_at_ms is not null
 order by job_id desc limit :limit

-- name: list_pending
select {job_columns} from jobs
 where workspace_id = :workspace_id and job_id < :before_id and completed_at_ms is null
   and (:types::text[] is null or type = any(:types::text[]))
   and status = :status
 order by job_id desc limit :limit

-- name: count_jobs
select status, count(*) from jobs group by status
