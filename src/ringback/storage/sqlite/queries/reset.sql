-- name: delete_prompts
delete from prompts where rowid in (select seq from jobs where workspace_id = :workspace_id)

-- name: rewind_bulk_operations
-- Where the newest deliveries went, the next ones have numbers that a bulk operation of another
-- workspace would take for its own.
update bulk_operations set last_seq = (select coalesce(max(seq), 0) from deliveries)
 where ended_at_ms is null and kind <> 'recover'
   and last_seq > (select coalesce(max(seq), 0) from deliveries)
