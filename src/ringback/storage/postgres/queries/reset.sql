-- name: delete_prompts
delete from prompts
 where job_id in (select job_id from jobs where workspace_id = :workspace_id)

-- name: rewind_bulk_operations
-- A sequence's numbers never come again.
select where false
