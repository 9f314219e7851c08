-- name: last_written
-- The latest time in what is written in the order of time.
select max(coalesce((select created_at_ms from events order by seq desc limit 1), 0),
           coalesce((select created_at_ms from jobs order by seq desc limit 1), 0),
           coalesce((select max(used_at_ms) from idempotency), 0))
